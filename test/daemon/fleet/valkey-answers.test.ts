import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { resolveSettings } from '../../../src/config/settings/settings.js';
import { openRemoteAnswers } from '../../../src/daemon/fleet/valkey-answers.js';
import type { RemoteAnswer, RemoteAnswers } from '../../../src/policies/cache/remote-answers.js';
import { kept } from '../../policies/cache/kept.js';
import { testDatabase } from '../../support/postgres.js';
import { until } from '../../support/until.js';
import { noValkey, startValkey, type TestValkey } from '../../support/valkey.js';

const skip = noValkey;

/** The answers of one machine. */
async function machine(
  t: TestContext,
  { port }: TestValkey,
  valkey_max_bytes = 1_000_000,
  database?: Awaited<ReturnType<typeof testDatabase>>,
): Promise<RemoteAnswers> {
  const { sql } = database ?? (await testDatabase(t));
  const { cache, fleet } = resolveSettings({}, '/').settings;
  const settings = {
    fleet: { ...fleet, valkey_url: `valkey://127.0.0.1:${port}` },
    cache: { ...cache, valkey_max_bytes },
  };
  const answers = openRemoteAnswers(settings, { sql }) ?? assert.fail('there is a Valkey');
  t.after(() => answers.close());
  // A client of a busy machine is not connected at once.
  await until('the store', async () => {
    await answers.get('none');
    return answers.state.misses > 0;
  });
  return answers;
}

const fresh = (text: string, ttlMs = 60_000) =>
  kept(text, { keptAt: Date.now(), expiresAt: Date.now() + ttlMs });

const found = (answers: RemoteAnswers, key: string): Promise<RemoteAnswer> =>
  until('the answer', async () => (await answers.get(key)) ?? undefined);

test('one machine finds another’s cached answers, byte for byte, with the last purge', {
  skip,
}, async (t) => {
  const valkey = await startValkey(t);
  const database = await testDatabase(t);
  const [one, two] = [
    await machine(t, valkey, 1_000_000, database),
    await machine(t, valkey, 1_000_000, database),
  ];
  assert.equal(await two.get('k'), null);
  const body = Buffer.from(Array.from({ length: 512 }, (_, index) => index % 256));
  const answer = { ...fresh('', 60_000), body, lost: 'a\nb', contentType: 'text/event-stream' };
  one.put('k', answer, 7);
  assert.deepEqual(await found(two, 'k'), { answer, purgedTo: 7 });
  assert.equal(two.state.hits, 1);
  assert.equal(await two.get('other'), null);
  const other = await testDatabase(t);
  await other.sql`UPDATE llmproxy_migrations SET applied_at = applied_at - interval '1 hour'`;
  const elsewhere = await machine(t, valkey, 1_000_000, other);
  assert.equal(await elsewhere.get('k'), null, 'another installation');
});

test('an answer is kept for its time', { skip }, async (t) => {
  const answers = await machine(t, await startValkey(t));
  answers.put('over', fresh('x', -1), 0);
  answers.put('short', fresh('x', 1_500), 0);
  await found(answers, 'short');
  assert.equal(await answers.get('over'), null);
  await until('its end', async () => (await answers.get('short')) === null);
});

test('answers that expire first make room for others', { skip }, async (t) => {
  const answers = await machine(t, await startValkey(t), 5_000);
  const text = (letter: string) => letter.repeat(1_200);
  answers.put('long', fresh(text('l'), 60_000), 0);
  answers.put('short', fresh(text('s'), 30_000), 0);
  // Put twice, it counts once.
  answers.put('long', fresh(text('l'), 60_000), 0);
  answers.put('middle', fresh(text('m'), 40_000), 0);
  await found(answers, 'middle');
  for (const key of ['long', 'short', 'middle']) assert.ok(await answers.get(key), key);
  answers.put('more', fresh(text('n'), 50_000), 0);
  await found(answers, 'more');
  assert.equal(await answers.get('short'), null);
  for (const key of ['long', 'middle', 'more']) assert.ok(await answers.get(key), key);
  answers.put('large', fresh('x'.repeat(6_000)), 0);
  answers.put('last', fresh('y'), 0);
  await found(answers, 'last');
  assert.equal(await answers.get('large'), null);
  for (const key of ['long', 'middle', 'more']) assert.ok(await answers.get(key), key);
});

test('an answer stored by another version is ignored', { skip }, async (t) => {
  const valkey = await startValkey(t);
  const answers = await machine(t, valkey);
  answers.put('k', fresh('x'), 0);
  await found(answers, 'k');
  const { createClient } = await import('@redis/client');
  const client = createClient({ url: `redis://127.0.0.1:${valkey.port}` });
  client.on('error', () => {});
  await client.connect();
  t.after(() => client.destroy());
  const [name] = (await client.keys('*}:answer:*')) as string[];
  await client.set(name ?? assert.fail(), 'nonsense');
  assert.equal(await answers.get('k'), null);
});

test('a store that is away has no answers and is left alone for a while, then works again', {
  skip,
}, async (t) => {
  const valkey = await startValkey(t);
  const answers = await machine(t, valkey);
  answers.put('k', fresh('x'), 0);
  await found(answers, 'k');
  await valkey.stop();
  await until('a failure', async () => {
    await answers.get('k');
    return answers.state.failures > 0;
  });
  const { failures } = answers.state;
  for (let times = 0; times < 20; times++) assert.equal(await answers.get('k'), null);
  answers.put('k', fresh('x'), 0);
  assert.equal(answers.state.failures, failures, 'it is not asked again and again');
  await valkey.start();
  await until('the store again', async () => {
    answers.put('k', fresh('x'), 0);
    return (await answers.get('k')) !== null;
  });
});

test('without a Valkey, or with no room in it, nothing is shared', () => {
  const { cache, fleet } = resolveSettings({}, '/').settings;
  const store = { sql: null as never };
  assert.equal(openRemoteAnswers({ cache, fleet }, store), null);
  const valkey_url = 'valkey://127.0.0.1:1';
  const none = { ...cache, valkey_max_bytes: 0 };
  assert.equal(openRemoteAnswers({ cache: none, fleet: { ...fleet, valkey_url } }, store), null);
});
