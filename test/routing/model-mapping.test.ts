import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileAllowedModels, compileModelMapping } from '../../src/routing/model-mapping.js';

test('an exact name wins over wildcards, the longest wildcard over shorter, a regex comes last', () => {
  const mapping = compileModelMapping({
    '/gpt/': 'regex',
    '/.*/': 'second regex',
    'gpt-*': 'short',
    'gpt-4*': 'long',
    'gpt-4': 'exact',
  });
  assert.equal(mapping('gpt-4'), 'exact');
  assert.equal(mapping('gpt-4o'), 'long');
  assert.equal(mapping('gpt-3'), 'short');
  assert.equal(mapping('my-gpt'), 'regex');
  assert.equal(mapping('o1'), 'second regex');
});

test('a star in the value stands literally for the text that the key’s star matched', () => {
  const mapping = compileModelMapping({ 'openai/*': 'azure-*-eu', '*-x': 'none' });
  assert.equal(mapping('openai/gpt-4'), 'azure-gpt-4-eu');
  assert.equal(mapping("openai/$&$1$'"), "azure-$&$1$'-eu");
  assert.equal(mapping('a-x'), 'none');
});

test('an empty mapping serves every model under its own name', () => {
  assert.equal(compileModelMapping({})('anything'), 'anything');
});

test('a model that no key matches is not served, even if named like an object property', () => {
  const mapping = compileModelMapping({ a: 'b' });
  for (const model of ['', 'A', 'aa', '__proto__', 'constructor', 'toString']) {
    assert.equal(mapping(model), null);
  }
});

test('a key called __proto__ is a name like any other', () => {
  const mapping = compileModelMapping(JSON.parse('{"__proto__":"x"}'));
  assert.equal(mapping('__proto__'), 'x');
  assert.equal(mapping('other'), null);
});

test('allowed_models: null and a star allow all, an empty list nothing', () => {
  assert.equal(compileAllowedModels(null), null);
  assert.equal(compileAllowedModels(['a', '*']), null);
  assert.equal(compileAllowedModels([])?.('a'), false);
});

test('allowed_models takes names, wildcards and regular expressions', () => {
  const allows = compileAllowedModels(['gpt-4o', 'claude-*', '/^o\\d$/']);
  assert.ok(allows);
  for (const model of ['gpt-4o', 'claude-3', 'o1']) assert.equal(allows(model), true);
  for (const model of ['gpt-4', 'claude', 'o12', '__proto__']) assert.equal(allows(model), false);
});
