import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { open, parseKeyRing } from '../../../src/config/secrets/secret-cipher.js';
import { keyPlace } from '../../../src/config/secrets/secret-columns.js';
import { connect } from '../../../src/db/client.js';
import { getProvider } from '../../../src/db/queries/providers/get-provider.js';
import { json, type Run, usage, withOwnDatabase } from '../llmproxy.js';

const apiKey = 'sk-0123456789abcdefghijklmnop';
const base = ['--api-base', 'https://api.example.com/v1'];

// Most of the time goes into starting processes.
suite('llmproxy provider', { concurrency: 3 }, () => {
  test('a type that names a server fills in where it is', async (t) => {
    const { run } = await withOwnDatabase(t);
    const add = (name: string, ...more: string[]) =>
      json(
        run(['provider', 'add', name, '--type', 'groq', '--api-key', apiKey, '--json', ...more]),
      );
    const groq = await add('groq');
    assert.equal(groq.provider_type, 'openai');
    assert.equal(groq.api_base, 'https://api.groq.com/openai/v1');
    const elsewhere = await add('mine', '--api-base', 'https://groq.example.com/v1');
    assert.equal(elsewhere.api_base, 'https://groq.example.com/v1');
    const changed = await run(['provider', 'update', 'groq', '--type', 'groq']);
    assert.equal(changed.code, 2);
    assert.match(changed.stderr, /--type/);
  });

  test('a provider is added, shown, changed and removed', async (t) => {
    const { run } = await withOwnDatabase(t);
    const added = await run(['provider', 'add', 'main', ...base, '--api-key', apiKey]);
    assert.deepEqual(added, {
      code: 0,
      stdout: 'added provider main\nsaved; no daemon is running here\n',
      stderr: '',
    });

    const shown = await json(run(['provider', 'show', 'main', '--json']));
    const { created_at, updated_at, ...rest } = shown;
    assert.deepEqual(rest, {
      id: 1,
      provider_key: 'main',
      provider_type: 'openai',
      api_base: 'https://api.example.com/v1',
      api_key_preview: 'sk-…mnop',
      model_mapping: {},
      weight: 1,
      provider_params: {},
      is_enabled: true,
    });
    assert.equal(new Date(created_at).toISOString(), created_at);
    assert.equal(new Date(updated_at).toISOString(), updated_at);

    const updated = await json(
      run([
        'provider',
        'update',
        'main',
        '--weight',
        '3',
        '--map',
        'a=b',
        '--map',
        'c*=d',
        '--json',
      ]),
    );
    assert.equal(updated.weight, 3);
    assert.deepEqual(updated.model_mapping, { a: 'b', 'c*': 'd' });
    assert.equal(updated.api_key_preview, 'sk-…mnop', 'what is not given is kept');

    const replaced = await json(run(['provider', 'update', 'main', '--map', 'x=y', '--json']));
    assert.deepEqual(replaced.model_mapping, { x: 'y' }, '--map replaces');

    const disabled = await json(run(['provider', 'disable', 'main', '--json']));
    assert.equal(disabled.is_enabled, false);
    const hint = /llmproxy provider enable main\n/;
    assert.match((await run(['provider', 'show', 'main'])).stdout, hint);
    assert.match((await run(['provider', 'update', 'main', '--weight', '4'])).stderr, hint);
    assert.match((await run(['doctor'], { env: { PORT: '0' } })).stdout, hint);
    const enabled = await json(run(['provider', 'enable', 'main', '--json']));
    assert.equal(enabled.is_enabled, true);
    assert.doesNotMatch((await run(['provider', 'show', 'main'])).stdout, hint);

    const unconfirmed = await run(['provider', 'remove', 'main']);
    assert.deepEqual([unconfirmed.code, unconfirmed.stdout], [2, '']);
    assert.match(unconfirmed.stderr, /^error: deleting provider main needs confirmation\n/);
    const removed = await run(['provider', 'remove', 'main', '--yes']);
    assert.match(removed.stdout, /^deleted provider main\n/);
    assert.deepEqual(await json(run(['provider', 'list', '--json'])), []);
  });

  test('the list is a table for people and an array for scripts, and shows no key', async (t) => {
    const { run } = await withOwnDatabase(t);
    await json(run(['provider', 'add', 'b', ...base, '--api-key', apiKey, '--json']));
    await json(run(['provider', 'add', 'a', ...base, '--api-key', apiKey, '--disabled', '--json']));
    const table = await run(['provider', 'list']);
    assert.deepEqual(table.stdout.split('\n'), [
      'PROVIDER  STATUS    WEIGHT  API BASE                    MODELS',
      'b         enabled        1  https://api.example.com/v1  all',
      'a         disabled       1  https://api.example.com/v1  all',
      '',
    ]);
    const list = await run(['provider', 'list', '--json']);
    assert.deepEqual(
      JSON.parse(list.stdout).map((each: { provider_key: string }) => each.provider_key),
      ['b', 'a'],
    );
    const show = await run(['provider', 'show', 'a']);
    for (const { stdout } of [table, list, show]) assert.ok(!stdout.includes(apiKey));
  });

  test('the key may come from the environment or from standard input', async (t) => {
    const { run, dbUrl, dataDir } = await withOwnDatabase(t);
    const sql = connect(dbUrl, { max: 1 });
    t.after(() => sql.end());
    const apiKeyOf = async (provider: string) => {
      const text = readFileSync(join(dataDir, 'secret-key'), 'utf8');
      const row = await getProvider(sql, provider);
      assert.ok(row);
      return open(row.api_key, parseKeyRing(text), keyPlace(row));
    };
    await json(
      run(['provider', 'add', 'a', ...base, '--api-key-env', 'MY_KEY', '--json'], {
        env: { MY_KEY: 'from-the-environment' },
      }),
    );
    assert.equal(await apiKeyOf('a'), 'from-the-environment');
    await json(
      run(['provider', 'update', 'a', '--api-key-stdin', '--json'], { stdin: 'from-stdin\r\n' }),
    );
    assert.equal(await apiKeyOf('a'), 'from-stdin');
  });

  test('parameters are set by flags, headers encrypted, and invalid ones refused', async (t) => {
    const { run, dbUrl } = await withOwnDatabase(t);
    const params = [
      '--priority',
      '2',
      '--timeout',
      'total=90s',
      '--header',
      'x-token: a-secret-one',
    ];
    const added = await json(
      run(['provider', 'add', 'a', ...base, '--api-key', 'k', ...params, '--json']),
    );
    assert.deepEqual(added.provider_params, {
      priority: 2,
      timeouts: { total_ms: 90_000 },
      headers: { 'x-token': '…-one' },
    });
    const other = ['--api-base', 'https://other.example.com/v1', '--param', 'stream_usage=false'];
    const updated = await json(run(['provider', 'update', 'a', ...other, '--json']));
    assert.equal(updated.provider_params.headers['x-token'], '…-one');
    assert.equal(updated.provider_params.stream_usage, false);
    const sql = connect(dbUrl, { max: 1 });
    t.after(() => sql.end());
    const row = await getProvider(sql, 'a');
    assert.match(JSON.stringify(row?.provider_params), /"x-token":"enc:v1:/);
    for (const wrong of ['priority=-1', 'nothing=1', 'headers.host=x', 'probe.interval_ms=1']) {
      const { code, stderr } = await run(['provider', 'update', 'a', '--param', wrong]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, /^error: --param/);
    }
  });

  test('exactly one source of the key is accepted', async () => {
    const add = ['provider', 'add', 'a', ...base];
    await Promise.all([
      usage([...add], /^error: the API key is missing\ngive one of: --api-key-env/),
      usage([...add, '--api-key', 'k', '--api-key-stdin'], /cannot be used with option/),
      usage([...add, '--api-key-env', 'UNSET'], /^error: --api-key-env: .* UNSET is not set\n/),
      usage([...add, '--api-key-stdin'], /^error: --api-key-stdin: the key is empty\n/),
      usage([...add, '--api-key', 'two words'], /printable ASCII/),
    ]);
  });

  test('a provider that could not work is refused before the database is asked', async () => {
    const add = ['provider', 'add', 'a', '--api-key', 'k', '--api-base'];
    const good = ['provider', 'add', 'a', '--api-key', 'k', ...base];
    await Promise.all([
      usage(['provider', 'add', 'a', '--api-key', 'k'], /^error: --api-base is missing\n/),
      usage(
        [...add, 'api.example.com'],
        /^error: --api-base: is not a URL such as https:\/\/api.openai.com\/v1\n/,
      ),
      usage([...add, 'ftp://example.com'], /^error: --api-base: must start with http/),
      usage([...add, 'https://u:secret@example.com/v1'], /^error: --api-base: must not contain/),
      usage([...add, 'https://example.com/v1?key=secret'], /^error: --api-base: must not/),
      usage([...good, '--weight', '-1'], /^error: --weight: "-1" is not a whole number/),
      usage([...good, '--type', 'x'], /^error: .*Allowed choices are openai/),
      usage([...good, '--map', 'x'], /^error: --map: "x" is not of the form from=to\n/),
      usage([...good, '--map', '/(/=x'], /^error: --map "\/\(\/": is not a regular expression/),
      usage(['provider', 'add', 'a b', '--api-key', 'k', ...base], /"a b" is not a safe name\n/),
    ]);
  });

  test('a key of a provider that exists is refused with the way to change it', async (t) => {
    const { run } = await withOwnDatabase(t);
    const add = ['provider', 'add', 'a', ...base, '--api-key', apiKey];
    await run(add);
    const again = await run(add);
    assert.equal(again.code, 1);
    assert.equal(
      again.stderr,
      'error: provider "a" exists already\nchange it with: llmproxy provider update a\n',
    );
  });

  test('a provider that does not exist is a failure of every command that names one', async (t) => {
    const { run } = await withOwnDatabase(t);
    const outcomes = await Promise.all(
      ['show', 'enable', 'disable'].map((command) => run(['provider', command, 'x'])),
    );
    outcomes.push(await run(['provider', 'remove', 'x', '--yes']));
    outcomes.push(await run(['provider', 'update', 'x', '--weight', '1']));
    for (const { code, stderr } of outcomes) {
      assert.equal(code, 1);
      assert.match(stderr, /^error: there is no provider "x"\n/);
    }
  });

  test('a base URL without a version segment is accepted with a warning', async (t) => {
    const { run } = await withOwnDatabase(t);
    const add = ['provider', 'add', 'a', '--api-key', apiKey, '--api-base', 'http://127.0.0.1:1/'];
    const { code, stdout, stderr } = await run([...add, '--json']);
    assert.equal(code, 0);
    assert.equal(JSON.parse(stdout).api_base, 'http://127.0.0.1:1');
    assert.match(JSON.parse(stderr).warning.message, /no version segment/);
  });

  test('removing the last mapping warns that the provider now serves every model', async (t) => {
    const { run } = await withOwnDatabase(t);
    await addMapped(run);
    const none = await run(['provider', 'update', 'a', '--unmap', 'nothing']);
    assert.equal(none.code, 1);
    assert.match(none.stderr, /^error: provider a has no mapping of "nothing"\n/);
    const both = await run(['provider', 'update', 'a', '--unmap', 'x', '--unmap', 'z']);
    assert.equal(both.code, 0);
    assert.match(
      both.stderr,
      /^warning: provider a has no mapping left: it now serves every model/,
    );
    await usage(
      ['provider', 'update', 'a', '--map', 'x=y', '--unmap', 'x'],
      /cannot be used together/,
    );
  });
});

async function addMapped(run: Run): Promise<void> {
  const map = ['--map', 'x=y', '--map', 'z=y'];
  await json(run(['provider', 'add', 'a', ...base, '--api-key', apiKey, ...map, '--json']));
}
