import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { hashKey } from '../../../src/config/secrets/credential-key.js';
import { json, llmproxy, temporaryFolder, usage, withOwnDatabase } from '../llmproxy.js';

const secret = 'sk-secret-key-of-a-provider';
const key = 'sk-key-of-a-client-of-the-gateway';

const main = `
providers:
  main:
    api_base: http://127.0.0.1:1/v1
    api_key: ${secret}
    model_mapping: {a: a, b: b}
`;
const both = `${main}
  spare:
    api_base: http://127.0.0.1:2/v1
    api_key: env:SPARE_KEY
    model_mapping: {a: x}
    weight: 3
credentials:
  alice: {key: ${key}, allowed_models: [a], rate_limit: 5}
`;

describe('llmproxy config', { concurrency: 2 }, () => {
  test('validate names line, column and what a misspelt field may mean, and quotes no secret', async (t) => {
    const file = join(temporaryFolder(t), 'gateway.yaml');
    writeFileSync(
      file,
      `providers:
  main:
    api_base: http://127.0.0.1:1/v1
    api_kye: ${secret}
    weight: "${secret}"
credentials:
  alice:
    rate_limt: 5
`,
    );
    const { code, stdout, stderr } = await llmproxy(['config', 'validate', file]);
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.deepEqual(stderr.split('\n'), [
      `error: ${file}:4:5: providers.main: unknown field "api_kye"; did you mean "api_key"?`,
      `error: ${file}:5:5: providers.main.weight: must be a whole number`,
      `error: ${file}:8:5: credentials.alice: unknown field "rate_limt"; did you mean "rate_limit"?`,
      '',
    ]);
    const asJson = await llmproxy(['config', 'validate', file, '--json']);
    assert.equal(asJson.code, 1);
    const { valid, problems } = JSON.parse(asJson.stdout);
    assert.equal(valid, false);
    assert.deepEqual([problems[0].line, problems[0].column], [4, 5]);
    assert.doesNotMatch(stderr + asJson.stdout, /sk-secret/);

    writeFileSync(file, 'server:\n  port: 1\n');
    const settings = await llmproxy(['config', 'validate', file]);
    assert.match(
      settings.stderr,
      /unknown field "server"\nsettings are checked with: llmproxy doctor --config FILE\n/,
    );
    writeFileSync(file, `providers:\n  main: {api_key: ${secret}\n`);
    const broken = await llmproxy(['config', 'validate', file]);
    assert.match(broken.stderr, /gateway\.yaml:\d+:\d+: /);
    assert.doesNotMatch(broken.stderr, /sk-secret/);
    const fine = await llmproxy(['config', 'validate', '-'], { stdin: both });
    assert.equal(fine.stdout, 'standard input is valid: 2 providers, 1 key\n');
  });

  test('an exported document changes nothing, and a change is planned, applied, kept and undone', async (t) => {
    const { run } = await withOwnDatabase(t);
    const apply = (stdin: string, ...more: string[]) =>
      run(['config', 'apply', '-', '--yes', ...more], { stdin });
    const without = await run(['config', 'plan', '-'], { stdin: both });
    assert.match(
      without.stdout,
      /^a +none +main$/m,
      'without its secret a provider serves nothing',
    );
    const env = { SPARE_KEY: 'sk-of-the-spare' };
    const planned = await run(['config', 'plan', '-', '--exit-code'], { stdin: both, env });
    assert.equal(planned.code, 3, planned.stderr);
    assert.match(
      planned.stdout,
      /^\+ provider main$[\s\S]*^\+ provider spare$[\s\S]*^\+ key alice$/m,
    );
    assert.match(planned.stdout, /Plan: 3 to add, 0 to change, 0 to remove/);
    assert.match(planned.stdout, /^a +none +spare 75%, main 25%$/m);
    const first = await apply(both, '--message', 'the first');
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stdout, /applied version (\d+)\nsaved; no daemon is running here\n$/);
    const version = /applied version (\d+)/.exec(first.stdout)?.[1] ?? '';

    const exported = await run(['config', 'export']);
    assert.match(exported.stdout, /api_key: keep\n[\s\S]*api_key: env:SPARE_KEY\n/);
    assert.match(exported.stdout, new RegExp(`credential_key: ${hashKey(key)}\n`));
    const part = await run(['config', 'export', '--sections', 'teams,providers', '--json']);
    assert.deepEqual(Object.keys(JSON.parse(part.stdout)), ['version', 'providers', 'teams']);
    const odd = await run(['config', 'export', '--sections', 'teams,colours']);
    assert.equal(odd.code, 2);
    assert.match(odd.stderr, /--sections: "colours" is not one of providers, teams/);
    const same = await run(['config', 'plan', '-', '--exit-code'], { stdin: exported.stdout });
    assert.deepEqual([same.code, same.stdout.slice(0, 10)], [0, 'no changes']);
    const again = await run(['config', 'plan', '-'], { stdin: both });
    assert.match(again.stdout, /^no changes/, 'the same secret in clear is no change');

    const broken = main.replace(', b: b', '');
    const partly = await run(['config', 'plan', '-'], { stdin: broken });
    assert.match(partly.stdout, /No provider would serve: b\n/);
    assert.doesNotMatch(partly.stdout, /spare$/m, 'what is not named stays');
    const pruned = await apply(`${main}\ncredentials: {}\n`, '--prune', '--message', 'less');
    assert.equal(pruned.code, 0, pruned.stderr);
    assert.match(pruned.stdout, /^- provider spare$[\s\S]*^- key alice /m);
    assert.match(pruned.stdout, /alice stops/);

    const history = await json(run(['config', 'history', '--json']));
    assert.deepEqual(
      history
        .slice(0, 2)
        .map(({ source, message }: { source: string; message: string }) => [source, message]),
      [
        ['apply', 'less'],
        ['apply', 'the first'],
      ],
    );
    assert.match(history[0].actor, /^cli:.+@.+/);
    const before = await json(run(['config', 'show', version, '--json']));
    assert.deepEqual(Object.keys(before.providers), ['main', 'spare']);
    const back = await run(['config', 'rollback', version, '--yes']);
    assert.equal(back.code, 0, back.stderr);
    assert.match(back.stdout, /^\+ provider spare$[\s\S]*^\+ key alice/m);
    const restored = await run(['config', 'plan', '-'], { stdin: exported.stdout });
    assert.match(restored.stdout, /^no changes/);
    const missing = await run(['config', 'rollback', '9999', '--yes']);
    assert.match(missing.stderr, /there is no version 9999: those from \d+ to \d+ are kept/);

    for (const { stdout, stderr } of [planned, first, exported, partly, pruned, back]) {
      assert.ok(!(stdout + stderr).includes(secret) && !(stdout + stderr).includes(key));
    }
  });

  test('a document is refused as a whole: for another version, without confirmation, or when invalid', async (t) => {
    const { run, dataDir } = await withOwnDatabase(t);
    const stale = await run(['config', 'apply', '-', '--yes', '--base', '77'], { stdin: main });
    assert.equal(stale.code, 1);
    assert.match(stale.stderr, /is at version \d+, not 77\n.*config history/);
    const unasked = await run(['config', 'apply', '-'], { stdin: main });
    assert.equal(unasked.code, 2);
    assert.match(unasked.stderr, /add --yes/);
    const keeps = main.replace(secret, 'keep');
    const nothing = await run(['config', 'apply', '-', '--yes'], { stdin: keeps });
    assert.match(
      nothing.stderr,
      /standard input:5:5: providers\.main\.api_key: there is none to keep/,
    );
    const metadata = main.replace('127.0.0.1:1', '169.254.169.254');
    const refused = await run(['config', 'apply', '-', '--yes'], { stdin: metadata });
    assert.match(refused.stderr, /api_base: .*link-local or metadata address/);
    writeFileSync(join(dataDir, 'llmproxy.yaml'), 'upstream: {private_addresses: deny}\n');
    const denied = await run(['config', 'plan', '-', '--config', 'llmproxy.yaml'], { stdin: main });
    assert.match(
      denied.stderr,
      /could not use the configuration\n.*loopback, private or special-purpose/,
    );
    assert.deepEqual((await json(run(['provider', 'list', '--json']))).length, 0);
  });

  test('the origin of each value is shown, without secrets', async (t) => {
    const { run, dataDir } = await withOwnDatabase(t);
    const file = join(dataDir, 'llmproxy.yaml');
    writeFileSync(file, 'server: {port: 4711}\noverrides_dir: overrides\n');
    await run(['config', 'apply', '-', '--yes'], { stdin: both });
    const overrides = join(dataDir, 'overrides');
    mkdirSync(overrides);
    writeFileSync(
      join(overrides, '10-here.yaml'),
      `providers:\n  main: {weight: 7, provider_params: {headers: {x-token: ${secret}}}}\n`,
    );
    const args = ['config', 'show', '--origin', '--config', file];
    const { code, stdout, stderr } = await run(args, { env: { LOG_LEVEL: 'debug' } });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^server\.port +4711 +file llmproxy\.yaml$/m);
    assert.match(stdout, /^server\.host +0\.0\.0\.0 +default$/m);
    assert.match(stdout, /^log\.level +debug +environment LOG_LEVEL$/m);
    assert.match(stdout, /^database\.url +\(set\) +environment DB_URL$/m);
    assert.match(stdout, /^providers\.main\.weight +7 +file 10-here\.yaml$/m);
    assert.match(stdout, /^providers\.main\.api_base +http:\S+ +database$/m);
    assert.ok(!stdout.includes(secret));
  });

  test('wrong arguments are usage errors', async () => {
    await usage(['config', 'apply'], /missing required argument 'file'/);
    await usage(['config', 'rollback', 'x'], /"x" is not a whole number/);
  });
});
