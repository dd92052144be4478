import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Configuration, Credential } from '../../src/config/configuration.js';
import { mergeConfiguration } from '../../src/config/merge.js';
import { parseOverride } from '../../src/config/overrides.js';
import { ConfigError, describeProblem, type Problem } from '../../src/config/problem.js';
import { hashKey } from '../../src/config/secrets/credential-key.js';
import { configuration, credential, provider, team } from './configuration-for-test.js';

function merged(rows: Configuration, ...texts: string[]): Configuration {
  const problems: Problem[] = [];
  const overrides = texts.map((text, i) => parseOverride({ path: `${i}.yaml`, text }, problems));
  assert.deepEqual(problems, []);
  return mergeConfiguration(rows, overrides);
}

function problemsOf(rows: Configuration, ...texts: string[]): string[] {
  try {
    merged(rows, ...texts);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems.map(describeProblem);
  }
  return assert.fail('this configuration was accepted');
}

test('a file changes the fields that it names and no others; a later file wins', () => {
  const rows = configuration([provider('a', { weight: 1 })], [credential('me', { rate_limit: 5 })]);
  const before = structuredClone(rows);
  const result = merged(
    rows,
    'providers: {a: {weight: 2, api_key: sk-0}}\ncredentials: {me: {rate_limit: 9}}',
    'providers: {a: {weight: 3}}',
  );
  assert.deepEqual(result.providers, [provider('a', { weight: 3, api_key: 'sk-0' })]);
  assert.deepEqual(result.credentials, [credential('me', { rate_limit: 9 })]);
  assert.deepEqual(rows, before, 'the rows are left as they were');
});

test('a file disables, and adds what no row has', () => {
  const result = merged(
    configuration([provider('a')], [credential('me')], 7),
    [
      'providers:',
      '  a: {is_enabled: false}',
      '  local: {api_base: "http://localhost:11434/v1", api_key: none}',
      'credentials:',
      '  me: {is_enabled: false}',
      '  guest: {key: sk-guest-key, allowed_models: [llama*]}',
    ].join('\n'),
  );
  assert.equal(result.version, 7);
  assert.deepEqual(
    result.providers.map(({ provider_key, is_enabled }) => [provider_key, is_enabled]),
    [
      ['a', false],
      ['local', true],
    ],
  );
  assert.deepEqual(
    result.credentials.map(({ name, is_enabled }) => [name, is_enabled]),
    [
      ['me', false],
      ['guest', true],
    ],
  );
  assert.equal(result.credentials[1]?.id, null);
  assert.equal(result.credentials[1]?.credential_key, hashKey('sk-guest-key'));
});

test('two credentials with one key are reported, whoever wrote them', () => {
  const rows = configuration([], [credential('me', { credential_key: hashKey('sk-same-key') })]);
  assert.deepEqual(problemsOf(rows, 'credentials: {you: {key: sk-same-key}}'), [
    '0.yaml: credentials.you: has the same key as "me"',
  ]);
  const both = configuration(
    [],
    [credential('x'), credential('x', { credential_key: 'b'.repeat(64) })],
  );
  assert.deepEqual(problemsOf(both, 'credentials: {x: {key: sk-same-key}}'), [
    '0.yaml: credentials.x: has the same key as "x"',
  ]);
});

test('a new entry without its required fields is reported, and so is a misspelt name', () => {
  const problems = problemsOf(
    configuration(),
    'providers: {oepnai: {weight: 2}}\ncredentials: {mee: {rate_limit: 1}}',
  );
  assert.ok(
    problems.some((text) => /^0\.yaml: providers\.oepnai\.api_base: /.test(text)),
    problems[0],
  );
  assert.ok(
    problems.includes(
      '0.yaml: credentials.mee: no credential has this name, and a new one needs a "key"',
    ),
  );
});

test('all unusable entries are reported at once, with table or file and path', () => {
  const rows = configuration(
    [
      provider('url', { api_base: 'example.com/v1' }),
      provider('ftp', { api_base: 'ftp://example.com' }),
      provider('user', { api_base: 'https://me:hush@example.com/v1' }),
      provider('query', { api_base: 'https://example.com/v1?key=hush' }),
      provider('break', { api_base: 'https://example.com/v1\r\nX: y' }),
      provider('slash', { api_base: 'https://example.com\\@other.example/v1' }),
      provider('unseen', { api_base: 'https://example.com/v1\u200b' }),
      provider('key', { api_key: 'hush\n' }),
      provider('map', { model_mapping: { '/(/': 'a', 'b*c*': 'd*', plain: 'x*', '': 'e' } }),
      provider('headers', { provider_params: { headers: { 'Content-Length': '3' } } }),
      provider('forward', { provider_params: { forward_headers: ['X-Team', 'Authorization'] } }),
      provider('tls', { provider_params: { tls: { ca_file: '/ca', cert_file: '/cert' } } }),
      provider('relative', { provider_params: { tls: { ca_file: 'ca.pem' } } }),
      provider('good'),
    ],
    [credential('models', { allowed_models: ['fine', '/[/'] })],
  );
  const problems = problemsOf(rows);
  for (const expected of [
    /^table providers: providers\.url\.api_base: is not a URL such as https:\/\/api.openai.com\/v1$/,
    /^table providers: providers\.ftp\.api_base: must start with http/,
    /^table providers: providers\.user\.api_base: must not contain a user or password$/,
    /^table providers: providers\.query\.api_base: must not contain a query or fragment; parameters are in provider_params\.query$/,
    /^table providers: providers\.break\.api_base: must not contain spaces, line breaks/,
    /^table providers: providers\.slash\.api_base: must not contain .* backslashes/,
    /^table providers: providers\.unseen\.api_base: must not contain .* cannot be seen$/,
    /^table providers: providers\.key\.api_key: must be printable ASCII/,
    /^table providers: providers\.map\.model_mapping\.\/\(\/: is not a regular expression: /,
    /^table providers: providers\.map\.model_mapping\.b\*c\*: a \* in the value needs/,
    /^table providers: providers\.map\.model_mapping\.plain: a \* in the value needs/,
    /^table providers: providers\.map\.model_mapping\.: is empty$/,
    /^table providers: providers\.headers\.provider_params\.headers\.Content-Length: /,
    /^table providers: providers\.forward\.provider_params\.forward_headers\.Authorization: is a header/,
    /^table providers: providers\.tls\.provider_params\.tls: must have property key_file when/,
    /^table providers: providers\.relative\.provider_params\.tls\.ca_file: must be an absolute path$/,
    /^table credentials: credentials\.models\.allowed_models\.1: is not a regular expression/,
  ]) {
    assert.ok(
      problems.some((text) => expected.test(text)),
      `${expected}\n${problems.join('\n')}`,
    );
  }
  assert.equal(problems.length, 17);
  for (const problem of problems) assert.ok(!problem.includes('hush'), problem);
});

test('__proto__ in a mapping or in headers is data', () => {
  const result = merged(
    configuration([provider('a', { model_mapping: JSON.parse('{"__proto__":"x"}') })]),
    'credentials: {__proto__: {key: sk-12345678}}\nproviders: {a: {provider_params: {headers: {__proto__: y}}}}',
  );
  assert.deepEqual(Object.keys(result.providers[0]?.model_mapping ?? {}), ['__proto__']);
  assert.equal(result.credentials[0]?.name, '__proto__');
  assert.deepEqual(Object.keys({}), []);
});

test('many overrides of many keys are merged in linear time, each key of a name alike', () => {
  const count = 60_000;
  const names = Array.from({ length: count }, (_, index) => `k${index >> 1}`);
  const credentials = names.map((name, index) =>
    credential(name, { credential_key: index.toString(16).padStart(64, '0') }),
  );
  const lines = names.map((name) => `  ${name}: {rate_limit: 7}`);
  const text = `credentials:\n${[...new Set(lines)].join('\n')}\n`;
  const override = parseOverride({ path: 'a.yaml', text }, []);
  const merged = mergeConfiguration(configuration([], credentials), [override]);
  assert.equal(merged.credentials.length, count);
  assert.ok(merged.credentials.every(({ rate_limit }) => rate_limit === 7));
});

test('rows of a valid configuration are not checked again, except keys whose team is gone', () => {
  const bad = provider('bad', { api_base: 'nonsense' });
  const key = credential('a', { team: 't' });
  const rows = configuration([bad], [key], 1, [team('t')]);
  const valid = { configuration: rows, added: [] };
  assert.deepEqual(mergeConfiguration(rows, [], 'allow', valid).providers, [bad]);
  const copied = { ...rows, providers: [{ ...bad }] };
  assert.throws(() => mergeConfiguration(copied, [], 'allow', valid), /api_base/);
  const gone = { ...rows, teams: [] };
  assert.throws(() => mergeConfiguration(gone, [], 'allow', valid), /there is no team "t"/);
  const added = [credential('b', { expires_at: 'never' })];
  const more = { ...rows, credentials: [key, ...added] };
  assert.equal(mergeConfiguration(more, [], 'allow', valid).credentials, more.credentials);
  assert.throws(() => mergeConfiguration(more, [], 'allow', { ...valid, added }), /must be a time/);
});

test('every model and rule of a key is checked, whatever the others are', () => {
  const invalid: Partial<Credential>[] = [
    { allowed_models: ['*', '/(/'] },
    { allowed_models: ['/(/'] },
    { cache: { mode: 'on', models: ['/(/'] } },
    { limits: { models: { '/(/': {} } } },
    { allowed_ips: ['nowhere'] },
  ];
  for (const fields of invalid) {
    const rows = configuration([], [credential('a', fields)]);
    assert.throws(() => mergeConfiguration(rows, []), ConfigError, JSON.stringify(fields));
  }
  const all = [credential('a', { allowed_models: ['*'], limits: {} }), credential('b')];
  assert.equal(mergeConfiguration(configuration([], all), []).credentials, all);
});
