import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestIdOf } from '../../src/server/request-id.js';

test('an id is taken from the client only where it is safe to pass on', () => {
  assert.equal(requestIdOf('req_1:a/b'), 'req_1:a/b');
  assert.equal(requestIdOf('x'.repeat(128)).length, 128);
  for (const bad of ['', 'a b', 'a\nb', 'ä', 'x'.repeat(129)]) {
    assert.match(requestIdOf(bad), /^[0-9a-f]{8}-[0-9a-f-]{27}$/);
  }
});

test('new ids are UUIDs of version 7, which begin with the time', () => {
  const before = Date.now();
  const ids = Array.from({ length: 3_000 }, () => requestIdOf(''));
  const after = Date.now();
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) {
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const ms = Number.parseInt(id.replace('-', '').slice(0, 12), 16);
    assert.ok(before <= ms && ms <= after, id);
  }
});
