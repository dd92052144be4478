import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { hashKey } from '../../../src/config/secrets/credential-key.js';
import { connect } from '../../../src/db/client.js';
import { getCredential } from '../../../src/db/queries/credentials/get-credential.js';
import { json, withOwnDatabase } from '../llmproxy.js';

const generated = /^sk-llmp-[0-9A-Za-z]{48}$/;

// Most of the time goes into starting processes.
suite('llmproxy keys', { concurrency: 3 }, () => {
  test('only a created key is on stdout; it is kept as a hash and never shown again', async (t) => {
    const { run, dbUrl } = await withOwnDatabase(t);
    const { code, stdout, stderr } = await run(['keys', 'create', 'alice']);
    assert.equal(code, 0);
    const key = stdout.trimEnd();
    assert.match(key, generated);
    assert.equal(
      stderr,
      'created key alice (id 1); store it now, it is not shown again\n' +
        'saved; no daemon is running here\n',
    );

    const sql = connect(dbUrl, { max: 1 });
    t.after(() => sql.end());
    const [row] = await getCredential(sql, 1);
    assert.equal(row?.credential_key, hashKey(key));

    const outcomes = await Promise.all([
      run(['keys', 'list']),
      run(['keys', 'list', '--json']),
      run(['keys', 'show', 'alice']),
      run(['keys', 'show', 'alice', '--json']),
    ]);
    for (const outcome of outcomes) {
      assert.equal(outcome.code, 0);
      assert.ok(!outcome.stdout.includes(key.slice(3, -4)));
      assert.ok(!outcome.stdout.includes(hashKey(key)));
      assert.ok(outcome.stdout.includes(`sk-…${key.slice(-4)}`));
    }
  });

  test('the JSON of a created key has the key and its limits', async (t) => {
    const { run } = await withOwnDatabase(t);
    const { key, key_preview, ...rest } = await json(
      run(['keys', 'create', 'ci', '--models', 'gpt-4o*,o3', '--rate-limit', '10', '--json']),
    );
    assert.match(key, generated);
    assert.equal(key_preview, `sk-…${key.slice(-4)}`);
    assert.deepEqual(rest, {
      id: 1,
      name: 'ci',
      allowed_models: ['gpt-4o*', 'o3'],
      rate_limit: 10,
      burst: null,
      is_enabled: true,
      expires_at: null,
      allowed_ips: null,
      tags: [],
      store_bodies: false,
      losses: null,
      team: null,
      limits: {},
      weight: 1,
      priority: 0,
      cache: null,
    });
  });

  test('a key that was chosen is not echoed, and cannot be used twice', async (t) => {
    const { run } = await withOwnDatabase(t);
    const key = 'sk-a-key-of-my-own-choice';
    const first = await run(['keys', 'create', 'a', '--key-stdin'], { stdin: `${key}\n` });
    assert.deepEqual([first.code, first.stdout], [0, '']);
    const again = await run(['keys', 'create', 'b', '--key', key]);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /^error: this key exists already\n/);
    assert.ok(!(first.stderr + again.stderr).includes(key));
    const old = 'of 23 characters, old--';
    const short = await run(['keys', 'create', 'c', '--key', old]);
    assert.equal(short.code, 2);
    assert.match(short.stderr, /^error: --key: it must have 24 characters.*--allow-short-key\n/);
    const allowed = await run(['keys', 'create', 'c', '--key', old, '--allow-short-key']);
    assert.equal(allowed.code, 0, allowed.stderr);
    const rotated = await run(['keys', 'rotate', 'c', '--key', 'short-and-new']);
    assert.equal(rotated.code, 2);
    const mistyped = await run(['keys', 'create', 'd', '--key', `sk-llmp-${'x'.repeat(48)}`]);
    assert.match(
      mistyped.stderr,
      /^error: --key: it begins with sk-llmp- but its checksum is wrong/,
    );
  });

  test('a key is changed, revoked, enabled and deleted, by name or id', async (t) => {
    const { run } = await withOwnDatabase(t);
    await json(run(['keys', 'create', 'alice', '--rate-limit', '5', '--json']));
    const limits = ['--models', 'a,b', '--rate-limit', 'none', '--name', 'alice laptop'];
    const updated = await json(run(['keys', 'update', 'alice', ...limits, '--json']));
    assert.deepEqual(Object.keys(updated), [
      'id',
      'name',
      'key_preview',
      'allowed_models',
      'rate_limit',
      'burst',
      'is_enabled',
      'expires_at',
      'allowed_ips',
      'tags',
      'store_bodies',
      'losses',
      'previous_expires_at',
      'team',
      'limits',
      'weight',
      'priority',
      'cache',
      'last_used_at',
      'created_at',
      'updated_at',
    ]);
    assert.equal(updated.name, 'alice laptop');
    assert.deepEqual(updated.allowed_models, ['a', 'b']);
    assert.equal(updated.rate_limit, null);

    const revoked = await run(['keys', 'revoke', 'alice laptop']);
    assert.match(revoked.stdout, /^revoked key alice laptop \(id 1\)\n/);
    assert.equal((await json(run(['keys', 'show', '1', '--json']))).is_enabled, false);
    assert.equal(
      (await json(run(['keys', 'update', '1', '--enabled', '--json']))).is_enabled,
      true,
    );
    assert.match((await run(['keys', 'disable', '1'])).stdout, /^disabled key alice laptop/);
    assert.equal((await json(run(['keys', 'show', '1', '--json']))).is_enabled, false);
    assert.equal((await json(run(['keys', 'enable', '1', '--json']))).is_enabled, true);
    const blocked = await json(run(['keys', 'update', '1', '--rate-limit', '0', '--json']));
    assert.equal(blocked.rate_limit, 0);

    const unconfirmed = await run(['keys', 'rm', '1']);
    assert.equal(unconfirmed.code, 2);
    assert.match(unconfirmed.stderr, /^error: deleting .*\nrepeat the command with --yes\n/);
    const deleted = await run(['keys', 'delete', '1', '--yes']);
    assert.match(deleted.stdout, /^deleted key alice laptop \(id 1\)\n/);
    const gone = await run(['keys', 'show', '1']);
    assert.equal(gone.code, 1);
    assert.match(gone.stderr, /^error: there is no key "1"\n/);
  });

  test('a name must be unique, and one shared by several keys is refused with their ids', async (t) => {
    const { run, dbUrl } = await withOwnDatabase(t);
    await json(run(['keys', 'create', 'twin', '--json']));
    const second = await run(['keys', 'create', 'twin']);
    assert.equal(second.code, 1);
    assert.match(second.stderr, /^error: another key is named "twin" \(id 1\)\n/);
    await json(run(['keys', 'create', 'other', '--json']));
    const renamed = await run(['keys', 'update', 'other', '--name', 'twin']);
    assert.match(renamed.stderr, /^error: another key is named "twin" \(id 1\)\n/);
    const sql = connect(dbUrl, { max: 1 });
    t.after(() => sql.end());
    await sql`UPDATE credentials SET name = 'twin'`;
    const { code, stderr } = await run(['keys', 'delete', 'twin', '--yes', '--json']);
    assert.equal(code, 1);
    const { message, hint } = JSON.parse(stderr).error;
    assert.match(message, /^2 keys are named "twin": ids 1 \(sk-….{4}\), 2 \(sk-….{4}\)$/);
    assert.match(hint, /use the id/);
  });

  test('the list of keys is a table with the permissions of each', async (t) => {
    const { run } = await withOwnDatabase(t);
    assert.equal((await run(['keys', 'ls'])).stdout, '');
    const key = (end: string) => ['--key', `sk-0123456789abcdef-${end}`];
    await run(['keys', 'create', 'a', ...key('aaaa')]);
    await run(['keys', 'create', 'b', ...key('bbbb'), '--models', 'x,y', '--rate-limit', '20']);
    await run(['keys', 'create', 'c', ...key('cccc'), '--rate-limit', '0']);
    await run(['keys', 'revoke', 'c']);
    assert.deepEqual((await run(['keys', 'list'])).stdout.split('\n'), [
      'ID  NAME  KEY       STATUS        LIMIT  MODELS  USED',
      ' 1  a     sk-…aaaa  enabled   unlimited  all     never',
      ' 2  b     sk-…bbbb  enabled        20/s  x, y    never',
      ' 3  c     sk-…cccc  disabled    blocked  all     never',
      '',
    ]);
  });

  test('a long list is read in parts, also by name, and no name is shortened', async (t) => {
    const { run } = await withOwnDatabase(t);
    const names = ['a', 'b'].map((end) => `${'team-of-a-long-name-'.repeat(5)}${end}`);
    for (const name of [...names, 'Alice']) await run(['keys', 'create', name]);
    const told = await run(['keys', 'list']);
    for (const name of names) assert.ok(told.stdout.includes(` ${name} `), told.stdout);
    assert.equal(told.stderr, '');

    const listed = async (...flags: string[]) => {
      const { stdout, stderr } = await run(['keys', 'list', '--json', ...flags]);
      const keys = JSON.parse(stdout) as { id: number; name: string }[];
      return { names: keys.map(({ name }) => name), last: keys.at(-1)?.id, stderr };
    };
    const first = await listed('--limit', '2');
    assert.deepEqual(first.names, names);
    assert.equal(first.stderr, `there are more; continue with: --after ${first.last}\n`);
    const rest = await listed('--limit', '1', '--after', String(first.last));
    assert.deepEqual([rest.names, rest.stderr], [['Alice'], '']);
    assert.deepEqual((await listed('--search', 'ALI')).names, ['Alice']);
    const sorted = await listed('--sort', '-name', '--limit', '2');
    assert.deepEqual(sorted.names, [names[1], names[0]]);
    assert.equal(sorted.stderr, 'there are more; see --limit\n');
    assert.equal((await run(['keys', 'list', '--limit', '0'])).code, 2);
    const wrong = await run(['keys', 'list', '--sort', 'colour']);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /--sort: "colour" is not one of name, team, rate_limit/);
  });

  test('burst and addresses are set, shown and removed', async (t) => {
    const { run } = await withOwnDatabase(t);
    const limits = ['--rate-limit', '5', '--burst', '2', '--allowed-ips', '10.0.0.0/8, fd00::1'];
    const made = await json(run(['keys', 'create', 'a', ...limits, '--json']));
    assert.deepEqual([made.burst, made.allowed_ips], [2, ['10.0.0.0/8', 'fd00::1']]);
    const { stdout } = await run(['keys', 'show', 'a']);
    assert.match(stdout, /limit +5\/s, 2 at once\n/);
    assert.match(stdout, /from +10\.0\.0\.0\/8, fd00::1\n/);
    const open = ['--burst', 'none', '--allowed-ips', 'any'];
    const changed = await json(run(['keys', 'update', 'a', ...open, '--json']));
    assert.deepEqual([changed.burst, changed.allowed_ips], [null, null]);
    for (const wrong of [
      ['--burst', '0'],
      ['--allowed-ips', '10.0.0.0/33'],
      ['--allowed-ips', ''],
      ['--allowed-ips', 'office'],
    ]) {
      assert.equal((await run(['keys', 'update', 'a', ...wrong])).code, 2, wrong.join());
    }
  });

  test('a key that could never be used is refused, or causes a warning', async (t) => {
    const { run } = await withOwnDatabase(t);
    const past = await run(['keys', 'create', 'a', '--expires', '2020-01-01']);
    assert.equal(past.code, 2);
    assert.match(past.stderr, /^error: --expires: this time is in the past\n/);
    const base = ['--api-base', 'https://api.example.com/v1', '--api-key', 'k'];
    await json(
      run(['provider', 'add', 'p', ...base, '--map', 'gpt-4o=x', '--map', 'o*=y', '--json']),
    );
    const models = ['--models', 'gpt-4o,o3,gpt-5,claude*,gpt*'];
    const unserved = await run(['keys', 'create', 'a', ...models]);
    assert.equal(unserved.code, 0);
    assert.match(unserved.stderr, /^warning: no provider serves gpt-5\n/);
    const late = await run(['keys', 'update', 'a', '--expires', '2020-01-01']);
    assert.equal(late.code, 0);
    assert.match(late.stderr, /^warning: --expires is in the past: the key is refused\n/);
  });

  test('tags are shown, replaced, removed, and found by', async (t) => {
    const { run } = await withOwnDatabase(t);
    await run(['keys', 'create', 'a', '--tag', 'team-a', '--tag', 'ci']);
    await run(['keys', 'create', 'b', '--tag', 'team-b']);
    const names = async (...tags: string[]) => {
      const flags = tags.flatMap((tag) => ['--tag', tag]);
      const keys: { name: string }[] = await json(run(['keys', 'list', '--json', ...flags]));
      return keys.map(({ name }) => name);
    };
    assert.deepEqual(await names(), ['a', 'b']);
    assert.deepEqual(await names('ci'), ['a']);
    assert.deepEqual(await names('ci', 'team-b'), []);
    assert.match((await run(['keys', 'list'])).stdout, /USED +TAGS\n.*never +team-a, ci\n/);
    await run(['keys', 'update', 'a', '--tag', 'x']);
    assert.deepEqual((await json(run(['keys', 'show', 'a', '--json']))).tags, ['x']);
    await run(['keys', 'update', 'a', '--clear-tags']);
    assert.deepEqual(await names('x'), []);
  });

  test('bodies are stored only for a key with that setting', async (t) => {
    const { run } = await withOwnDatabase(t);
    const isStored = async (name: string) =>
      (await json(run(['keys', 'show', name, '--json']))).store_bodies;
    await run(['keys', 'create', 'a']);
    await run(['keys', 'create', 'b', '--store-bodies']);
    assert.deepEqual([await isStored('a'), await isStored('b')], [false, true]);
    await run(['keys', 'update', 'b', '--rate-limit', '5']);
    assert.equal(await isStored('b'), true, 'what is not given is kept');
    await run(['keys', 'update', 'a', '--store-bodies']);
    await run(['keys', 'update', 'b', '--no-store-bodies']);
    assert.deepEqual([await isStored('a'), await isStored('b')], [true, false]);
    assert.match((await run(['keys', 'show', 'a'])).stdout, /^ *bodies +stored$/m);
    assert.match((await run(['keys', 'show', 'b'])).stdout, /^ *bodies +not stored$/m);
  });

  test('an expiry is a duration or a date, and can be removed', async (t) => {
    const { run } = await withOwnDatabase(t);
    const at = '2030-12-31T00:00:00.000Z';
    await run(['keys', 'create', 'a', '--expires', '2030-12-31']);
    assert.equal((await json(run(['keys', 'show', 'a', '--json']))).expires_at, at);
    assert.match(
      (await run(['keys', 'show', 'a'])).stdout,
      /expires +203[01]-\d\d-\d\d \d\d:\d\d:00 /,
    );
    await run(['keys', 'update', 'a', '--expires', '2020-01-01']);
    assert.match((await run(['keys', 'list'])).stdout, / expired /);
    const soon = await json(run(['keys', 'update', 'a', '--expires', '90d', '--json']));
    const days = (Date.parse(soon.expires_at) - Date.now()) / 86_400_000;
    assert.ok(days > 89.9 && days <= 90, String(days));
    const never = await json(run(['keys', 'update', 'a', '--expires', 'never', '--json']));
    assert.equal(never.expires_at, null);
    const wrong = await run(['keys', 'update', 'a', '--expires', 'tomorrow']);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /^error: --expires: "tomorrow" is not a time\n/);
  });

  test('only a rotated key is on stdout; the old one stays valid for the grace period', async (t) => {
    const { run, dbUrl } = await withOwnDatabase(t);
    const old = (await run(['keys', 'create', 'a', '--rate-limit', '5'])).stdout.trim();
    const rotated = await run(['keys', 'rotate', 'a', '--grace', '2h']);
    assert.equal(rotated.code, 0, rotated.stderr);
    assert.match(rotated.stdout.trimEnd(), generated);
    assert.match(rotated.stderr, /^rotated key a \(id 1\); the old one is valid until \d{4}-/);
    const sql = connect(dbUrl, { max: 1 });
    t.after(() => sql.end());
    const [row] = await getCredential(sql, 1);
    assert.equal(row?.credential_key, hashKey(rotated.stdout.trim()));
    assert.equal(row?.previous_key, hashKey(old));
    assert.equal(row?.rate_limit, 5);
    assert.match((await run(['keys', 'show', 'a'])).stdout, /old key +valid until /);

    const again = await json(run(['keys', 'rotate', '1', '--grace', '0', '--json']));
    assert.match(again.key, generated);
    assert.equal(again.previous_expires_at, null);
    assert.ok(!Object.keys(again).includes('previous_key'));
  });
});
