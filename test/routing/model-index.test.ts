import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ModelIndex, mappedNames } from '../../src/routing/model-index.js';
import { compileModelMapping } from '../../src/routing/model-mapping.js';

const name = fc.string({ unit: fc.constantFrom('a', 'b', '-'), minLength: 1, maxLength: 4 });
const key = fc.oneof(
  name,
  fc.tuple(name, name).map(([before, after]) => `${before}*${after}`),
  name.map((text) => `*${text}*`),
  name.map((text) => `/^${text}/`),
);
const mapping = fc.dictionary(key, fc.constant('sent'), { maxKeys: 4 });

test('the index finds every mapping that matches a name, in order', () => {
  const property = fc.property(fc.array(mapping, { maxLength: 6 }), name, (mappings, model) => {
    const index = new ModelIndex(mappings.map(mappedNames));
    const found = index.find(model);
    const matching = mappings.flatMap((one, place) =>
      compileModelMapping(one)(model) === null ? [] : [place],
    );
    assert.deepEqual(
      found.filter((place) => matching.includes(place)),
      matching,
    );
  });
  fc.assert(property, { numRuns: 500 });
});

test('the index leaves out mappings with other names', () => {
  const mappings = [{ 'gpt-4o': 'x' }, { 'gpt-*': 'x' }, { 'claude-*': 'x' }, {}, { '/o/': 'x' }];
  const index = new ModelIndex(mappings.map(mappedNames));
  assert.deepEqual(index.find('gpt-4o'), [0, 1, 3, 4]);
  assert.deepEqual(index.find('claude-3'), [2, 3, 4]);
  assert.deepEqual(index.find('llama'), [3, 4]);
});
