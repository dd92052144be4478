import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { CloudCredentials } from '../../src/clouds/cloud-credentials.js';
import type { Provider } from '../../src/config/configuration.js';
import { provider } from '../config/configuration-for-test.js';
import { until } from '../support/until.js';
import { cloudContext, fakeCloud } from './fake-cloud.js';

const bedrock = (fields: Partial<Provider> = {}) =>
  provider('b', {
    provider_type: 'bedrock',
    api_base: 'https://bedrock-runtime.eu-west-1.amazonaws.com',
    api_key: 'none',
    provider_params: { auth: { method: 'container' } },
    ...fields,
  });

/** Credentials from a container's service, which answers with new keys each time. */
async function opened(t: TestContext, answer: (count: number) => unknown) {
  let count = 0;
  const service = await fakeCloud(t, () => answer(++count));
  const env = { AWS_CONTAINER_CREDENTIALS_FULL_URI: service.url };
  const clouds = new CloudCredentials(cloudContext(env));
  t.after(() => clouds.close());
  return { clouds, service };
}

const keysFor = (count: number, ms: number) => ({
  AccessKeyId: `ASIA${count}`,
  SecretAccessKey: 's',
  Expiration: new Date(Date.now() + ms).toISOString(),
});

test('a provider with an api_key needs no credentials of a cloud', async () => {
  const clouds = new CloudCredentials(cloudContext());
  for (const params of [{}, { auth: { method: 'api_key' as const } }]) {
    assert.equal(await clouds.of(bedrock({ provider_params: params })), null);
  }
  assert.equal(await clouds.of(provider('v', { provider_type: 'vertex' })), null);
  assert.equal(await clouds.of(provider('o')), null);
});

test('valid credentials are fetched once, for all that ask at a time', async (t) => {
  const { clouds, service } = await opened(t, (count) => keysFor(count, 60_000));
  const found = await Promise.all([
    clouds.of(bedrock()),
    clouds.of(bedrock({ provider_key: 'c' })),
  ]);
  for (const each of found)
    assert.deepEqual(each, { accessKeyId: 'ASIA1', secretAccessKey: 's', sessionToken: null });
  await clouds.of(bedrock());
  assert.equal(service.asked.length, 1);
  await clouds.of(bedrock({ provider_params: { auth: { method: 'container' }, region: 'x' } }));
  assert.equal(service.asked.length, 2, 'of another region, where a role is asked for');
});

test('credentials are renewed before they expire, and their users are notified', async (t) => {
  const { clouds, service } = await opened(t, (count) => keysFor(count, 3_000));
  let told = 0;
  clouds.onChange = () => told++;
  await clouds.of(bedrock());
  await until('another fetch', () => told === 1);
  assert.equal(service.asked.length, 2);
  const renewed = await clouds.of(bedrock());
  assert.equal(renewed && 'accessKeyId' in renewed && renewed.accessKeyId, 'ASIA2');
});

test('while fetching fails the valid ones are used; then the failure is reported, until it works', async (t) => {
  let fails = false;
  const { clouds, service } = await opened(t, (count) => (fails ? 500 : keysFor(count, 4_000)));
  let told = 0;
  clouds.onChange = () => told++;
  await clouds.of(bedrock());
  fails = true;
  await until('a failure', () => service.asked.length === 2);
  assert.ok(await clouds.of(bedrock()), 'still valid');
  await until('the end of their life', () => told === 1);
  await assert.rejects(clouds.of(bedrock()), { message: /container answers 500/ });
  const asked = service.asked.length;
  await assert.rejects(clouds.of(bedrock()));
  assert.equal(service.asked.length, asked, 'not asked again by each reload');
  fails = false;
  await until('the recovery', () => told === 2);
  assert.ok(await clouds.of(bedrock()));
});

test('credentials that have expired when they come are refused', async (t) => {
  const { clouds } = await opened(t, (count) => keysFor(count, -1_000));
  await assert.rejects(clouds.of(bedrock()), { message: /that were fetched have expired/ });
});
