import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readPlacedYaml } from '../../../src/config/yaml/yaml-places.js';

const problemsOf = (text: string) =>
  readPlacedYaml('x', text).problems.map(
    ({ line, column, reason }) => `${line}:${column} ${reason}`,
  );

/** The text from a path's place to its end. */
function at(text: string, path: string): string {
  const { line, column } = readPlacedYaml('x', text).place(path, '');
  return (text.split(/\r\n?|\n/)[line - 1] ?? '').slice(column - 1);
}

test('a path is found in block and flow style, in JSON, quoted and in a list', () => {
  const text = [
    'a:',
    '  b.c: {d: 1, "e f": [10, 20]}',
    "  'b': # c",
    '    c: x',
    'list:',
    '  - one',
    '  - two: 2',
    '"q\\u0061": &n 5',
    'alias: *n',
  ].join('\n');
  assert.match(at(text, 'a'), /^a:/);
  assert.match(at(text, 'a.b.c.d'), /^d: 1/);
  assert.match(at(text, 'a.b.c.e f.1'), /^20\]/);
  assert.match(at(text, 'a.b'), /^'b'/);
  assert.match(at(text, 'list.1.two'), /^two: 2/);
  assert.match(at(text, 'qa'), /^"q/);
  assert.match(at(text, 'alias.deeper'), /^alias/);
  assert.match(at('{"a": {"b": 1}}', 'a.b'), /^"b": 1/);
  assert.match(at('{\r\n"a": 1,\r\n"b": 1}', 'b'), /^"b": 1/);
});

test('a missing path is placed at its nearest ancestor', () => {
  const text = 'a:\n  b: 1\n---\nc:\n  d: {e: 1}\n';
  assert.match(at(text, 'a.missing.x'), /^a:/);
  assert.match(at(text, 'c.d.missing'), /^d:/);
  assert.match(at(text, ''), /^a:/);
  assert.match(at(text, 'other'), /^a:/);
});

test('a name of many dots is searched for in bounded time', () => {
  const name = 'x.'.repeat(500_000);
  assert.match(at(`a:\n  "${name}": 1\n`, `a.${name}`), /^a:/);
});

test('many problems in one mapping are all placed with a single parse', () => {
  const count = 60_000;
  const lines = Array.from({ length: count }, (_, index) => `  k${index}: {v: ${index}}`);
  const { place } = readPlacedYaml('x', `top:\n${lines.join('\n')}\n`);
  for (let index = 0; index < count; index++) {
    assert.equal(place(`top.k${index}.v`, '').line, index + 2);
  }
});

test('invalid YAML is reported by place, without the text', () => {
  assert.deepEqual(problemsOf('a: 1\na: 2'), ['2:1 this key is there twice']);
  assert.deepEqual(problemsOf('a: *secret'), ['1:5 this alias has no anchor']);
  for (const text of ['{"a": {', 'a: !secret x', 'a: "\\q"', 'a: b: secret', '\ta: 1', '*']) {
    const [problem = ''] = problemsOf(text);
    assert.match(problem, /^\d+:\d+ \w/);
    assert.doesNotMatch(problem, /secret/);
  }
});

test('depth, aliases and merges that would exhaust the memory are refused', () => {
  const deep = '['.repeat(100_000);
  const levels = Array.from(
    { length: 30 },
    (_, n) => `l${n + 1}: &l${n + 1} [${`*l${n},`.repeat(9)}]`,
  );
  const bomb = `l0: &l0 [x]\n${levels.join('\n')}`;
  const merged = Array.from({ length: 1_100 }, (_, index) => `k${index}: 1`).join(', ');
  const merges = `- &m {${merged}}\n${'- {<<: *m}\n'.repeat(1_000)}`;
  for (const text of [deep, bomb, merges, 'a: &a [*a]']) assert.equal(problemsOf(text).length, 1);
  assert.deepEqual(problemsOf('a: &a [1]\nb: [*a, *a]'), []);
});

test('a value written as JSON is read unchanged', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ maxLength: 9 }), fc.jsonValue()), (value) => {
      const text = JSON.stringify(value);
      fc.pre(!/[\ud800-\udfff\x7f-\x9f\ufffe\uffff]/.test(text) && !('<<' in value));
      assert.deepEqual(readPlacedYaml('x', text).value, JSON.parse(text));
    }),
  );
});

test('many documents that repeat each other are read in linear time', () => {
  const text = '---\na: {b: 1}\n'.repeat(100_000);
  const { problems } = readPlacedYaml('x', text);
  assert.equal(problems.length, 99_999);
  assert.deepEqual(problems.at(-1), {
    ...{ source: 'x', path: 'a.b', reason: 'is in two documents' },
    ...{ line: 2, column: 5 },
  });
});

test('a path is found in whichever of several documents has most of it', () => {
  const text = 'a: {b: {c: 1}}\n---\na: {d: 2}\n---\n[]\n---\ne: {f: 3}';
  assert.match(at(text, 'a.b.c'), /^c: 1/);
  assert.match(at(text, 'a.d'), /^d: 2/);
  assert.match(at(text, 'e.f.g'), /^f: 3/);
  assert.match(at(text, 'x'), /^a: /);
});
