import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { stringify } from 'yaml';
import { askChat } from '../../support/ask.js';
import { allAnswer, startGateway, startNamedUpstream, whoAnswers } from '../../support/gateway.js';
import { until } from '../../support/until.js';

test('override files change the rows of the database as soon as they are written', async (t) => {
  const { daemon, key } = await startGateway(t, { row: {} }, { workers: 2 });
  const { overridesDir } = daemon;
  const file = join(overridesDir, '50-local.yaml');
  const local = (await startNamedUpstream(t, 'local')).url;
  const other = (await startNamedUpstream(t, 'other')).url;
  const live = goesTo(t, () => whoAnswers(daemon, key));
  const providers = (url: string) => ({
    providers: { row: { is_enabled: false }, mine: { api_base: url, api_key: 'k-mine' } },
  });

  await t.test('where the folder did not exist before', async () => {
    mkdirSync(overridesDir, { recursive: true });
    writeFileSync(file, stringify(providers(local)));
    await live('local');
  });

  await t.test('where the file is rewritten', async () => {
    writeFileSync(file, stringify(providers(other)));
    await live('other');
  });

  await t.test('where an editor replaces the file', async () => {
    writeFileSync(`${file}~`, stringify(providers(local)));
    renameSync(`${file}~`, file);
    await live('local');
  });

  await t.test('in lexical order, JSON too', async () => {
    const later = join(overridesDir, '60-later.json');
    writeFileSync(later, JSON.stringify({ providers: { mine: { api_base: other } } }));
    await live('other');
    unlinkSync(later);
    await live('local');
  });

  await t.test('and may add and disable keys', async () => {
    const mine = 'sk-of-this-machine-only';
    daemon.secrets.add(mine);
    const keys = { bob: { key: mine }, alice: { is_enabled: false } };
    writeFileSync(file, stringify({ ...providers(local), credentials: keys }));
    // One at a time: an address with very many wrong keys is answered 429.
    await until('the new key', async () => (await askChat(daemon.url, mine, 'm')).status === 200);
    await until('the new key on all workers', () => allAnswer(daemon, mine, 200));
    assert.ok(await allAnswer(daemon, key, 401));
  });

  await t.test('until they are removed', async () => {
    unlinkSync(file);
    await live('row');
    rmSync(overridesDir, { recursive: true });
    mkdirSync(overridesDir);
    writeFileSync(file, stringify(providers(other)));
    await live('other');
  });
});

test('override files may be behind symbolic links that are switched', async (t) => {
  const { daemon, key } = await startGateway(t, { row: { is_enabled: false } });
  const { overridesDir, home } = daemon;
  const versions = await Promise.all(
    ['v1', 'v2', 'v3'].map(async (name) => {
      const { url } = await startNamedUpstream(t, name);
      const directory = mkdtempSync(join(home, `${name}-`));
      const text = stringify({ providers: { mine: { api_base: url, api_key: 'k' } } });
      writeFileSync(join(directory, 'local.yaml'), text);
      return directory;
    }),
  );
  const live = goesTo(t, () => whoAnswers(daemon, key));
  const point = (link: string, to: string) => {
    symlinkSync(to, `${link}.new`);
    renameSync(`${link}.new`, link);
  };

  await t.test('where the folder is the link', async () => {
    point(overridesDir, versions[0] ?? '');
    await live('v1');
    point(overridesDir, versions[1] ?? '');
    await live('v2');
  });

  await t.test('where the file is a link through another, as Kubernetes mounts them', async () => {
    rmSync(overridesDir);
    mkdirSync(overridesDir);
    point(join(overridesDir, '..data'), versions[2] ?? '');
    symlinkSync('..data/local.yaml', join(overridesDir, 'local.yaml'));
    await live('v3');
    point(join(overridesDir, '..data'), versions[0] ?? '');
    await live('v1');
  });
});

test('an invalid override file changes nothing and is reported', async (t) => {
  const { daemon, key } = await startGateway(t, { row: {} }, { workers: 2 });
  const { overridesDir } = daemon;
  mkdirSync(overridesDir, { recursive: true });
  const file = join(overridesDir, 'bad.yaml');
  const secret = 'sk-secret-in-a-bad-file';
  daemon.secrets.add(secret);
  const good = await startNamedUpstream(t, 'good');
  const cases: [text: string, problem: string][] = [
    ['providers:\n  row: { wieght: 3 }\n', 'providers.row: unknown field "wieght"'],
    ['providers:\n  row: { weight: heavy }\n', 'providers.row.weight: must be a whole number'],
    [
      'providers:\n  row: { api_base: nowhere }\n',
      'providers.row.api_base: is not a URL such as https://api.openai.com/v1',
    ],
    [`providers:\n  row: { api_key: "${secret} x" }\n`, 'providers.row.api_key: must be printable'],
    ['providers:\n  new: { weight: 1 }\n', 'providers.new'],
    ['providers: [\n', 'line '],
    [
      'credentials:\n  bob: { rate_limit: -1, key: long-enough-key }\n',
      'credentials.bob.rate_limit',
    ],
  ];
  for (const [text, problem] of cases) {
    await t.test(`such as ${text.trim().replaceAll(secret, '…')}`, async () => {
      const from = daemon.logs.length;
      writeFileSync(file, text);
      await daemon.waitFor(
        'config_rejected',
        ({ problems }) => (problems as string[])[0]?.startsWith(`${file}: ${problem}`) === true,
        from,
      );
      assert.ok(await allAnswer(daemon, key, 200));
      assert.equal(await whoAnswers(daemon, key), 'row');
      const command = await daemon.cli(['keys', 'create', `late-${crypto.randomUUID()}`]);
      daemon.secrets.add(command.stdout.trim());
      assert.match(command.stderr, /saved, but the daemon refuses it: .*bad\.yaml/);
    });
  }
  await t.test('and the next valid one is used', async () => {
    writeFileSync(file, stringify({ providers: { row: { api_base: good.url } } }));
    await goesTo(t, () => whoAnswers(daemon, key))('good');
  });
});

/** Waits until the provider of this name answers, and prints how long it took. */
function goesTo(t: TestContext, who: () => Promise<string>): (name: string) => Promise<void> {
  return async (name) => {
    const startMs = performance.now();
    await until(`answers of ${name}`, async () => (await who()) === name);
    t.diagnostic(`live after ${Math.round(performance.now() - startMs)} ms`);
  };
}
