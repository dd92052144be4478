import assert from 'node:assert/strict';
import type { LookupAddress, LookupOptions } from 'node:dns';
import { test } from 'node:test';
import { guardedLookup } from '../../src/upstream/guarded-lookup.js';

function resolve(policy: 'allow' | 'deny', name: string, options: LookupOptions) {
  return new Promise<string | LookupAddress[]>((done, failed) => {
    guardedLookup(policy)(name, options, (error, addresses) =>
      error ? failed(error) : done(addresses),
    );
  });
}

const forbidden = { code: 'ERR_FORBIDDEN_ADDRESS' };

test('a name is resolved as Node does it, one address or all', async () => {
  assert.equal(await resolve('allow', 'localhost', { family: 4 }), '127.0.0.1');
  assert.deepEqual(await resolve('allow', 'localhost', { family: 4, all: true }), [
    { address: '127.0.0.1', family: 4 },
  ]);
});

test('a name that stands for a forbidden address is not resolved', async () => {
  await assert.rejects(resolve('deny', 'localhost', {}), forbidden);
  await assert.rejects(resolve('deny', 'localhost', { all: true }), forbidden);
  // An address stands for itself: what a name of an attacker would be made to resolve to.
  await assert.rejects(resolve('allow', '169.254.169.254', { all: true }), forbidden);
  await assert.rejects(resolve('allow', '::ffff:169.254.169.254', {}), forbidden);
});

test('a name that is not known fails as it does in Node', async () => {
  await assert.rejects(resolve('allow', 'no-such-name.invalid', {}), { syscall: 'getaddrinfo' });
});
