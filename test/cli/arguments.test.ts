import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modelList, modelMapping, wholeNumber } from '../../src/cli/arguments.js';

test('a mapping is split at its first equals sign', () => {
  assert.deepEqual(modelMapping(['gpt-4=gpt-4o', 'a*=b=c']), { 'gpt-4': 'gpt-4o', 'a*': 'b=c' });
});

test('a regular expression in a mapping may contain equals signs', () => {
  assert.deepEqual(modelMapping(['/^a=b$/=c']), { '/^a=b$/': 'c' });
});

test('a mapping may have any name, also that of an object property', () => {
  assert.deepEqual(Object.entries(modelMapping(['__proto__=x'])), [['__proto__', 'x']]);
});

for (const entry of ['gpt-4', '=gpt-4', 'gpt-4=', '/a/', '']) {
  test(`"${entry}" is not a mapping`, () => {
    assert.throws(() => modelMapping([entry]), /not of the form from=to/);
  });
}

test('the same model cannot be mapped twice', () => {
  assert.throws(() => modelMapping(['a=b', 'a=c']), /"a" is mapped twice/);
});

test('a list of models ignores spaces and repeats', () => {
  assert.deepEqual(modelList('a, b,,a'), ['a', 'b']);
});

for (const text of ['', '-1', '1.5', '1e3', ' 1', 'x', '11', '99999999999999999999']) {
  test(`"${text}" is not a whole number from 0 to 10`, () => {
    assert.throws(() => wholeNumber('--n', 0, 10)(text), /^CliError: --n: /);
  });
}
