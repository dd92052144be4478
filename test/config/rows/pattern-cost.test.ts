import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RE2JS } from 're2js';
import { newProblems } from '../../../src/changes/new-problems.js';
import type { Configuration } from '../../../src/config/configuration.js';
import { describeProblem } from '../../../src/config/problem.js';
import { type Guardrail, newGuardrail } from '../../../src/config/rows/guardrail.js';
import { checkLinear } from '../../../src/config/rows/linear-pattern.js';
import { patternCosts } from '../../../src/config/rows/pattern-cost.js';
import { configuration } from '../configuration-for-test.js';

function guardrail(patterns: readonly string[], fields: Partial<Guardrail> = {}): Guardrail {
  const named = patterns.map((pattern, index) => ({ name: `p${index}`, pattern }));
  return { ...newGuardrail, name: 'g', kind: 'regex', config: { patterns: named }, ...fields };
}

/** A pattern of about this many instructions. */
const sized = (instructions: number, letter = 'a') => `${letter}{${instructions - 2}}`;

test('a pattern may have 500 instructions, and those of a guardrail 2,000', () => {
  const sizeOf = (text: string) => RE2JS.compile(text).programSize();
  assert.equal(sizeOf(sized(500)), 500);
  assert.deepEqual(patternCosts(guardrail([sized(500)])), []);
  assert.deepEqual(patternCosts(guardrail([sized(9), sized(501)])), [
    [
      'config.patterns.1.pattern',
      'is too large: 501 instructions of at most 500; repeat less, or split it',
    ],
  ]);
  const four = ['a', 'b', 'c', 'd'].map((letter) => sized(500, letter));
  assert.deepEqual(patternCosts(guardrail(four)), []);
  assert.deepEqual(patternCosts(guardrail([...four, 'secret'])), [
    ['config.patterns', 'are too large: 2008 instructions of at most 2000'],
  ]);
  assert.deepEqual(patternCosts({ ...guardrail([]), kind: 'pii', config: {} }), []);
});

test('patterns that take long to compile are refused without compiling them', (t) => {
  const compiled = t.mock.method(RE2JS, 'compile');
  const classes = Array.from({ length: 100 }, (_, n) => `${'[\\pL\\pN]'.repeat(200)}${n}`);
  const [[path, reason] = ['', '']] = patternCosts(guardrail(classes));
  assert.equal(path, 'config.patterns');
  assert.match(reason, /^are too large: about 2\d{5} instructions/);
  assert.equal(compiled.mock.callCount(), 0);
});

test('a pattern is compiled once for all the checks of a change', (t) => {
  const compiled = t.mock.method(RE2JS, 'compile');
  for (let n = 0; n < 3; n++) assert.equal(checkLinear('once[a-z]').problem, null);
  assert.equal(compiled.mock.callCount(), 1);
  assert.equal(checkLinear('once[a-z]', true).problem, null);
  assert.equal(compiled.mock.callCount(), 2, 'ignoring case it is another one');
  for (let n = 0; n < 2; n++) assert.match(checkLinear('(once').problem ?? '', /^is not a regular/);
  assert.equal(compiled.mock.callCount(), 3);
});

test('a guardrail from before the limit can be changed, but not grow', async () => {
  const old = guardrail([sized(900)], { id: 1 });
  const rows: Configuration = { ...configuration([], []), guardrails: [old] };
  const problemsOf = async (...guardrails: Guardrail[]) => {
    const parts = { readRows: async () => rows, readOverrides: async () => [] };
    const change = (before: Configuration) => ({ ...before, guardrails });
    return (await newProblems(parts, change, { isCommand: true })).map(describeProblem);
  };
  assert.deepEqual(await problemsOf(old), []);
  assert.deepEqual(await problemsOf({ ...old, is_enabled: false }), []);
  assert.deepEqual(await problemsOf({ ...old, ...guardrail([sized(400)]) }), []);
  const place = 'table guardrails: guardrails.g.config.patterns.0.pattern: is too large: ';
  const [grown = ''] = await problemsOf({ ...old, ...guardrail([sized(901)]) });
  assert.ok(grown.startsWith(`${place}901 instructions of at most 500`), grown);
  const [added = ''] = await problemsOf(old, { ...guardrail([sized(501)]), name: 'new' });
  assert.match(added, /guardrails\.new\.config\.patterns\.0\.pattern: is too large: 501/);
});
