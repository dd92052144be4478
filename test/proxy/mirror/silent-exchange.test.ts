import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SilentExchange } from '../../../src/proxy/mirror/silent-exchange.js';
import type { Exchange } from '../../../src/server/exchange.js';

test("a copy has its client's head, and ends once", () => {
  const headers = ['openai-beta', 'a', 'x-tenant', 'openai-beta'];
  const head = { method: 'POST', path: '/v1/chat/completions', query: 'a=1', headers };
  const copy = new SilentExchange(head as object as Exchange);
  assert.deepEqual([copy.method, copy.path, copy.query], ['POST', head.path, 'a=1']);
  assert.deepEqual(
    ['openai-beta', 'x-tenant', 'a'].map((name) => copy.header(name)),
    ['a', 'openai-beta', ''],
  );
  let ends = 0;
  copy.onAbort(() => ends++);
  copy.abort();
  copy.abort();
  assert.deepEqual([ends, copy.aborted], [1, true]);
});
