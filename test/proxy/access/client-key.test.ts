import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientKey } from '../../../src/proxy/access/client-key.js';
import type { Exchange } from '../../../src/server/exchange.js';

/** The part of an exchange that `clientKey` uses. */
function keyOf(headers: Record<string, string>, query = ''): string | null {
  return clientKey({ header: (name: string) => headers[name] ?? '', query } as Exchange);
}

test('with several keys, the first place counts', () => {
  const places = { 'x-api-key': '2', 'api-key': '3', 'x-goog-api-key': '4' };
  assert.equal(keyOf({ authorization: 'bearer  1 ', ...places }, 'key=5'), '1');
  assert.equal(keyOf({ authorization: 'Basic 1', ...places }, 'key=5'), '2');
  assert.equal(keyOf({ 'api-key': '3', 'x-goog-api-key': '4' }, 'key=5'), '3');
  assert.equal(keyOf({ 'x-goog-api-key': ' 4 ' }, 'key=5'), '4');
  assert.equal(keyOf({}, 'a=b&key=s%2Fk'), 's/k');
  for (const query of ['', 'monkey=5', 'a=key']) assert.equal(keyOf({}, query), null, query);
});
