import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  compileModelPattern,
  type ModelPattern,
  matchesPattern,
} from '../../../src/config/rows/model-pattern.js';

/** The text matched by the first star of a wildcard, computed by a plain regular expression. */
function naiveCapture(pattern: string, model: string): string | null {
  const [first = '', ...rest] = pattern.split('*').map((part) => escaped(part));
  const others = rest.join('.*?');
  return new RegExp(`^${first}(.*?)${others}$`, 's').exec(model)?.[1] ?? null;
}

function compiled(text: string): ModelPattern {
  const pattern = compileModelPattern(text);
  if (typeof pattern === 'string') assert.fail(pattern);
  return pattern;
}

function capture(text: string, model: string): string | null {
  const pattern = compiled(text);
  assert.equal(pattern.kind, 'wildcard');
  return pattern.kind === 'wildcard' ? pattern.capture(model) : null;
}

test('a wildcard matches and captures as a regular expression would', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '-'), maxLength: 8 });
  const pattern = fc.array(text, { minLength: 2, maxLength: 5 }).map((parts) => parts.join('*'));
  fc.assert(
    fc.property(pattern, text, (wildcard, model) => {
      assert.equal(capture(wildcard, model), naiveCapture(wildcard, model));
    }),
    { numRuns: 2_000 },
  );
});

test('a pattern matches any text in place of its stars', () => {
  const parts = fc.array(fc.string(), { minLength: 2, maxLength: 5 });
  fc.assert(
    fc.property(parts, fc.string(), (literals, filling) => {
      const plain = literals.map((literal) => literal.replaceAll('*', ''));
      fc.pre(!/^\/.*\/$/s.test(plain.join('*')));
      assert.notEqual(capture(plain.join('*'), plain.join(filling)), null);
    }),
  );
});

test('the start and end of a wildcard do not overlap', () => {
  assert.equal(capture('aba*aba', 'aba'), null);
  assert.equal(capture('aba*aba', 'abaaba'), '');
  assert.equal(capture('*', ''), '');
});

test('a regular expression is found anywhere unless anchored', () => {
  const pattern = compiled('/^o\\d/');
  assert.ok(pattern.kind === 'regex');
  assert.equal(pattern.matches('o3-mini'), true);
  assert.equal(pattern.matches('gpt-4o3'), false);
});

test('a regular expression that makes other engines backtrack takes linear time', () => {
  const pattern = compiled('/^(a+)+$/');
  assert.ok(pattern.kind === 'regex');
  // A backtracking engine would need 2^5000 steps.
  assert.equal(pattern.matches(`${'a'.repeat(5_000)}!`), false);
});

test('an invalid regular expression between slashes is refused with the reason', () => {
  for (const text of ['/(/', '/a(?=b)/', '/[z-a]/']) {
    const reason = compileModelPattern(text);
    assert.ok(typeof reason === 'string');
    assert.match(reason, /^is not a regular expression: ./);
  }
  assert.equal(compileModelPattern(''), 'is empty');
});

test('one or two slashes are a name', () => {
  for (const model of ['/', '//', '/models/llama']) {
    assert.deepEqual(compileModelPattern(model), { kind: 'exact', model });
  }
});

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|-]/g, '\\$&');
}

test('a regular expression is compiled once, and forgotten when others have taken its memory', () => {
  const first = compileModelPattern('/^a{3}$/');
  assert.equal(compileModelPattern('/^a{3}$/'), first);
  for (let i = 10; i < 20; i++) compileModelPattern(`/${'x'.repeat(15_000)}${i}/`);
  const again = compileModelPattern('/^a{3}$/');
  assert.notEqual(again, first);
  assert.ok(typeof again === 'object' && matchesPattern(again, 'aaa'));
});
