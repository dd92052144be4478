import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cacheWishOf } from '../../../src/proxy/cache/cache-wish.js';

function wish(headers: Record<string, string>) {
  return cacheWishOf({ header: (name) => headers[name] ?? '' });
}

test('a client without preferences accepts any answer', () => {
  assert.deepEqual(wish({}), { asks: null, mayStore: true, maxAgeMs: Number.POSITIVE_INFINITY });
});

test('a client may request the cache, or refuse it', () => {
  assert.equal(wish({ 'x-llmproxy-cache': 'on' }).asks, true);
  assert.equal(wish({ 'x-llmproxy-cache': 'off' }).asks, false);
  for (const value of ['ON', 'yes', 'true', 'on, off']) {
    assert.throws(() => wish({ 'x-llmproxy-cache': value }), {
      code: 'invalid_request',
      param: 'x-llmproxy-cache',
    });
  }
});

test('cache-control is obeyed as RFC 9111 says', () => {
  const of = (control: string) => {
    const { mayStore, maxAgeMs } = wish({ 'cache-control': control });
    return [mayStore, maxAgeMs];
  };
  const any = Number.POSITIVE_INFINITY;
  assert.deepEqual(of('no-store'), [false, -1]);
  assert.deepEqual(of('NO-CACHE'), [true, -1]);
  assert.deepEqual(of('max-age=60'), [true, 60_000]);
  assert.deepEqual(of('private,  Max-Age=0'), [true, 0]);
  assert.deepEqual(of('max-age="5"'), [true, 5_000]);
  assert.deepEqual(of('max-age=60, no-cache'), [true, -1]);
  assert.deepEqual(of('max-age=60, no-store'), [false, -1]);
  assert.deepEqual(of('no-transform'), [true, any]);
  for (const wrong of ['max-age=', 'max-age=x', 'max-age=-1', 'max-age=1.5']) {
    assert.deepEqual(of(wrong), [true, -1], wrong);
  }
});
