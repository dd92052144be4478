import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fallbacksOf, modelMeant } from '../../src/routing/model-order.js';

const settings = { provider_suffix: 'Proxy', fallbacks: { a: ['b', 'c'] } };

test('a prefix is removed once, and only with its slash', () => {
  const meant = ['Proxy/a', 'Proxy/Proxy/a', 'Proxya', 'ProxyX/a', 'proxy/a', 'a'].map((asked) =>
    modelMeant(asked, settings),
  );
  assert.deepEqual(meant, ['a', 'Proxy/a', 'Proxya', 'ProxyX/a', 'proxy/a', 'a']);
  assert.equal(modelMeant('/a', { ...settings, provider_suffix: '' }), '/a');
});

test('a model has the fallbacks that are configured for its name', () => {
  assert.deepEqual(fallbacksOf('a', settings), ['b', 'c']);
  for (const model of ['b', 'toString', '__proto__']) {
    assert.deepEqual(fallbacksOf(model, settings), []);
  }
});
