import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RE2JS } from 're2js';
import { newCredential, newProvider, newTeam } from '../../../src/config/configuration.js';
import { providerProblems } from '../../../src/config/provider-problems.js';
import { compileLinear } from '../../../src/config/rows/linear-pattern.js';
import { compileModelPattern, patternsProblem } from '../../../src/config/rows/model-pattern.js';
import { namedProblems, newNamed } from '../../../src/config/rows/named.js';
import { instructionsOf, maxInstructions } from '../../../src/config/rows/pattern-size.js';
import { credentialProblems, teamProblems } from '../../../src/config/validate.js';

test('a program has at most about twice as many instructions as estimated', () => {
  const parts = [
    'a',
    'ab|cd',
    '[a-z]',
    '[]a]',
    '[^]\\]b]',
    '[[:alpha:]x]',
    '(?:ab?)',
    '(a|b)*',
    '\\d',
    '\\pL',
    '.',
  ];
  const repeats = ['', '{3}', '{2,}', '{0,20}', '{7,30}', '+', '*?', '?'];
  for (const part of parts) {
    for (const inner of repeats) {
      for (const outer of repeats) {
        const text = `x(?:(?:${part})${inner}y)${outer}z`;
        const size = RE2JS.compile(text).programSize();
        const estimated = instructionsOf(text);
        assert.ok(size <= 2 * estimated + 4, `${text}: ${size}, estimated ${estimated}`);
        assert.ok(estimated <= 30 * size + 50, `${text}: ${size}, estimated ${estimated}`);
      }
    }
  }
  for (const [text, size] of [
    ['', 0],
    ['abc', 3],
    ['a{0}', 1],
    ['a{5}', 5],
    ['a{5,}', 6],
    ['a{2,9}', 9],
    ['(ab){10}', 40],
    ['((a{10}){10}){10}', 1_220],
    ['[abc]{4}', 4],
    ['[^]a]{4}', 4],
    ['\\{5}', 3],
    ['a{x}', 4],
    ['\\pL[\\pL]', 21],
    ['(a', 1],
    [')a', 3],
  ] as const) {
    assert.equal(instructionsOf(text), size, text);
  }
});

/** Each takes seconds to compile. */
const bombs = [`/(${'x'.repeat(900)}){1000}/`, `/((${'(ab|cd)'.repeat(30)}{1,10}){1,10}){1,10}/`];

test('a short text for a huge program is refused before it is compiled', () => {
  for (const bomb of bombs) {
    assert.match(String(compileModelPattern(bomb)), /^is too large: .* 20000 instructions$/);
    assert.match(String(compileLinear(bomb.slice(1, -1))), /^is too large: /);
  }
  const names = Array.from({ length: 500 }, (_, i) => `a-model-of-some-maker-${i}`);
  assert.equal(typeof compileModelPattern(`/^(?:${names.join('|')})$/`), 'object');
  const edge = 'x'.repeat(maxInstructions);
  assert.equal(typeof compileModelPattern(`/${edge}/`), 'object');
  assert.equal(typeof compileModelPattern(`/${edge}x/`), 'string');
});

test('many regular expressions of one list are refused together, and none of them is compiled', () => {
  const many = Array.from({ length: 100 }, (_, i) => `/${'x'.repeat(250)}${i}/`);
  const [most, wildcards] = [many.slice(0, 79), many.map((text) => `${text}*`)];
  assert.equal(patternsProblem(most), null);
  assert.equal(patternsProblem(wildcards), null);
  const mapping = (models: readonly string[]) => Object.fromEntries(models.map((m) => [m, 'x']));
  const timeouts = (models: readonly string[]) =>
    Object.fromEntries(models.map((m) => [m, { total_ms: 1 }]));
  const limits = (models: readonly string[]) => ({
    models: Object.fromEntries(models.map((m) => [m, { requests_per_minute: 1 }])),
  });
  const credential = {
    ...newCredential,
    id: null,
    credential_key: 'a'.repeat(64),
    key_preview: '…',
  };
  const provider = { ...newProvider, provider_key: 'p', api_base: 'http://h/v1', api_key: 'k' };
  const problems = (models: string[]) => [
    ...credentialProblems({ ...credential, name: 'c', allowed_models: models }, ''),
    ...credentialProblems({ ...credential, name: 'c', cache: { mode: 'on', models } }, ''),
    ...credentialProblems({ ...credential, name: 'c', limits: limits(models) }, ''),
    ...teamProblems({ ...newTeam, id: null, name: 't', allowed_models: models }, ''),
    ...teamProblems(
      { ...newTeam, id: null, name: 't', allowed_models: null, cache: { mode: 'on', models } },
      '',
    ),
    ...providerProblems({ ...provider, model_mapping: mapping(models) }, ''),
    ...providerProblems({ ...provider, provider_params: { model_timeouts: timeouts(models) } }, ''),
  ];
  assert.deepEqual(
    problems(many).map(({ path }) => path),
    [
      'credentials.c.allowed_models',
      'credentials.c.cache.models',
      'credentials.c.limits.models',
      'teams.t.allowed_models',
      'teams.t.cache.models',
      'providers.p.model_mapping',
      'providers.p.provider_params.model_timeouts',
    ],
  );
  assert.deepEqual(problems(most), []);
  const tools = Array.from({ length: 150 }, (_, i) => `/${'x'.repeat(180)}${i}/`);
  const guardrail = newNamed('guardrails', 'g', {
    kind: 'schema',
    config: { denied_tools: tools },
  });
  assert.deepEqual(
    namedProblems('guardrails', guardrail, '').map(({ path }) => path),
    ['guardrails.g.config.denied_tools'],
  );
});
