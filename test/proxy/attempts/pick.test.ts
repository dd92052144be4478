import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { ProviderParams } from '../../../src/config/configuration.js';
import { anyClaim } from '../../../src/limits/fair-queue.js';
import { pick } from '../../../src/proxy/attempts/pick.js';
import type { Candidate } from '../../../src/routing/snapshot.js';
import { provider } from '../../config/configuration-for-test.js';
import { gatewayForTest } from '../gateway-for-test.js';

function picking(t: TestContext, params: Record<string, ProviderParams>, waitMs = 20) {
  const providers = Object.entries(params).map(([key, provider_params]) =>
    provider(key, { provider_params, model_mapping: { [key[0] ?? '']: 'x' } }),
  );
  const gateway = gatewayForTest(t, providers, ({ limits }) => {
    limits.queue_timeout_ms = waitMs;
  });
  const routesOf = (models: string) =>
    [...models].map((model) => {
      const route = gateway.snapshot.route(model);
      assert.ok(route);
      return route;
    });
  const next = async (models: string, tried: Candidate[] = []) => {
    const picked = await pick(gateway, routesOf(models), tried, {
      ...{ claim: anyClaim, tokens: 1 },
      waited: () => {},
    });
    if (picked) tried.push(picked.candidate);
    return picked && { key: picked.candidate.provider.key, release: picked.release };
  };
  const eject = (key: string) => {
    for (let i = 0; i < 5; i++) gateway.health.failed(key, null, Date.now());
  };
  return { gateway, next, eject };
}

test('each candidate is picked once, route by route', async (t) => {
  const { next } = picking(t, { a1: {}, a2: {}, b1: {} });
  const tried: Candidate[] = [];
  const keys: (string | undefined)[] = [];
  for (let i = 0; i < 4; i++) keys.push((await next('ab', tried))?.key);
  assert.deepEqual(keys.slice(0, 2).toSorted(), ['a1', 'a2']);
  assert.deepEqual(keys.slice(2), ['b1', undefined]);
});

test('one at its cap is passed over for one that is not', async (t) => {
  const { next } = picking(t, { a1: { max_concurrency: 1 }, b1: { max_concurrency: 2 } });
  const keys = [await next('ab'), await next('ab'), await next('ab')].map((one) => one?.key);
  assert.deepEqual(keys, ['a1', 'b1', 'b1']);
});

test('a request waits for the first provider when all are at their caps', async (t) => {
  const { next } = picking(t, { a1: { max_concurrency: 1 }, b1: { max_concurrency: 1 } }, 5_000);
  const [first] = [await next('ab'), await next('ab')];
  const waiting = next('ab');
  await new Promise(setImmediate);
  first?.release();
  assert.equal((await waiting)?.key, 'a1');
});

test('and when no slot comes in time the request is refused', async (t) => {
  const { next } = picking(t, { a1: { max_concurrency: 1 } });
  await next('a');
  await assert.rejects(next('a'), { code: 'overloaded' });
});

test('a healthy provider of a fallback model comes before an ejected one of the model', async (t) => {
  const { next, eject } = picking(t, { a1: {}, b1: {} });
  eject('a1');
  const tried: Candidate[] = [];
  assert.equal((await next('ab', tried))?.key, 'b1');
  assert.equal((await next('ab', tried))?.key, 'a1', 'as a last resort');
  assert.equal((await next('a'))?.key, 'a1', 'or where there is no other');
});

test('a busy provider is waited for rather than an ejected one asked', async (t) => {
  const { next, eject } = picking(t, { a1: { max_concurrency: 1 }, a2: {} }, 5_000);
  eject('a2');
  const first = await next('a');
  assert.equal(first?.key, 'a1');
  const waiting = next('a');
  await new Promise(setImmediate);
  first?.release();
  assert.equal((await waiting)?.key, 'a1');
});
