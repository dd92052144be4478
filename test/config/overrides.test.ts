import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Override, parseOverride } from '../../src/config/overrides.js';
import { describeProblem, type Problem } from '../../src/config/problem.js';
import { hashKey } from '../../src/config/secrets/credential-key.js';

function parsed(text: string): Override {
  const problems: Problem[] = [];
  const override = parseOverride({ path: 'a.yaml', text }, problems);
  assert.deepEqual(problems, []);
  return override;
}

function problemsOf(text: string): string[] {
  const problems: Problem[] = [];
  const override = parseOverride({ path: 'a.yaml', text }, problems);
  assert.equal(override.providers.size + override.credentials.size, 0);
  return problems.map(describeProblem);
}

test('YAML and JSON have the same meaning', () => {
  const yaml = parsed(
    'providers:\n  openai:\n    weight: 3\ncredentials:\n  me: {rate_limit: 5}\n',
  );
  const json = parsed(
    '{\n\t"providers": {"openai": {"weight": 3}},\n\t"credentials": {"me": {"rate_limit": 5}}\n}',
  );
  assert.deepEqual(yaml, json);
  assert.deepEqual(yaml.providers.get('openai'), { weight: 3 });
  assert.deepEqual(yaml.credentials.get('me'), { rate_limit: 5 });
});

test('an empty file changes nothing', () => {
  for (const text of ['', '# nothing yet\n', '{}']) assert.equal(parsed(text).providers.size, 0);
});

test('a key is kept as its hash and preview only', () => {
  const { credentials } = parsed('credentials: {me: {key: sk-0123456789abcdefghij}}');
  assert.deepEqual(credentials.get('me'), {
    credential_key: hashKey('sk-0123456789abcdefghij'),
    key_preview: 'sk-…ghij',
  });
});

test('a hash given for a key removes the preview of the old key', () => {
  const hash = 'a'.repeat(64);
  const { credentials } = parsed(`credentials: {me: {credential_key: ${hash}}}`);
  assert.deepEqual(credentials.get('me'), { credential_key: hash, key_preview: '…' });
});

test('syntax errors and repeated keys are reported with line and column', () => {
  assert.deepEqual(problemsOf('providers:\n  a: {weight: 1}\n  a: {weight: 2}\n'), [
    'a.yaml: line 3, column 3: this key is there twice',
  ]);
  assert.match(problemsOf('{"providers": {')[0] ?? '', /^a\.yaml: line 1, column \d+: ./);
});

test('problems are reported with their place in the document', () => {
  const problems = problemsOf(
    [
      'providers:',
      '  openai: {wieght: 1, weight: -1, api_key: 5}',
      '  "bad name": {weight: 1}',
      'credentials:',
      '  me: {rate_limit: fast, allowed_models: gpt-4, key: short, credential_key: x}',
      'users: {}',
    ].join('\n'),
  );
  for (const expected of [
    /^a\.yaml: unknown field "users"$/,
    /^a\.yaml: providers\.openai: unknown field "wieght"$/,
    /^a\.yaml: providers\.openai\.weight: must be at least 0$/,
    /^a\.yaml: providers\.openai\.api_key: must be text$/,
    /^a\.yaml: providers: "bad name" is not a possible name: it must be at most 64 letters, digits/,
    /^a\.yaml: credentials\.me\.rate_limit: must be a whole number or null$/,
    /^a\.yaml: credentials\.me\.allowed_models: must be a list or null$/,
    /^a\.yaml: credentials\.me\.key: must have at least 8 characters$/,
    /^a\.yaml: credentials\.me\.credential_key: must be 64 of 0-9 and a-f/,
  ]) {
    assert.ok(
      problems.some((problem) => expected.test(problem)),
      `${expected}\n${problems.join('\n')}`,
    );
  }
  assert.match(problemsOf('[1]')[0] ?? '', /^a\.yaml: must be an object$/);
});

test('an unknown or endless alias is a problem of the file', () => {
  assert.match(
    problemsOf('providers: *x')[0] ?? '',
    /^a\.yaml: line 1, column 13: this alias has no anchor/,
  );
  const levels = ['a: &a [x,x]'];
  for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef', 'fg', 'gh', 'hi']) {
    levels.push(`${to}: &${to} [${Array(10).fill(`*${from}`).join(',')}]`);
  }
  assert.match(
    problemsOf(levels.join('\n'))[0] ?? '',
    /^a\.yaml: line 1, column 1: its aliases make it more/,
  );
});

test('no problem quotes the file, which may hold secrets', () => {
  for (const text of [
    'api_key: *hush',
    'a: |9hush\n x',
    'a: "hush" hush',
    '}hush',
    'providers: {a: {api_key: [hush]}}',
  ]) {
    for (const problem of problemsOf(text)) assert.ok(!problem.includes('hush'), problem);
  }
});

test('__proto__ is a name like any other: refused for a provider, harmless for a key', () => {
  assert.match(problemsOf('providers: {__proto__: {weight: 1}}')[0] ?? '', /"__proto__" is not a/);
  assert.match(problemsOf('__proto__: {providers: {}}')[0] ?? '', /unknown field "__proto__"/);
  const problems = problemsOf('{"providers":{"a":{"__proto__":{"weight":1}}}}');
  assert.match(problems[0] ?? '', /unknown field "__proto__"/);
  const { credentials } = parsed('credentials: {__proto__: {is_enabled: false}}');
  assert.deepEqual([...credentials.keys()], ['__proto__']);
  assert.equal(({} as { is_enabled?: boolean }).is_enabled, undefined);
});

test('a section without content, and anchors that are merged, are read', () => {
  assert.equal(parsed('providers:\n  # a: {weight: 1}\ncredentials:\n').providers.size, 0);
  const { providers } = parsed(
    'providers:\n  a: &a {weight: 1, is_enabled: false}\n  b: {<<: *a, weight: 2}\n',
  );
  assert.deepEqual(providers.get('b'), { weight: 2, is_enabled: false });
});
