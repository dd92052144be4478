import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveSettings } from '../../../src/config/settings/settings.js';
import { AnswerCache } from '../../../src/policies/cache/answer-cache.js';
import { type CacheTerms, CacheUse } from '../../../src/policies/cache/cache-use.js';
import { SharedAnswers, type SharedRequest } from '../../../src/policies/cache/shared-answers.js';
import { kept } from './kept.js';

const { cache: settings } = resolveSettings({}, '/').settings;
const never = new AbortController().signal;
const terms: CacheTerms = {
  key: 'k',
  ttlMs: 5_000,
  maxAgeMs: Number.POSITIVE_INFINITY,
  singleFlight: false,
  asker: { key: 'alice', team: null, model: 'm' },
  isOwn: () => true,
};

test('an answer is given up to the age that its client and its key accept, and no longer', () => {
  const cache = new AnswerCache(settings, null);
  cache.keep('k', kept('x', { keptAt: 1_000 }));
  const isFound = (now: number, more: Partial<CacheTerms> = {}) =>
    new CacheUse(cache, { ...terms, ...more }).find(now) !== null;
  assert.deepEqual([isFound(6_000), isFound(6_001)], [true, false]);
  const maxAgeMs = 2_000;
  assert.deepEqual([isFound(3_000, { maxAgeMs }), isFound(3_001, { maxAgeMs })], [true, false]);
  assert.deepEqual(
    [isFound(1_000, { maxAgeMs: 0 }), isFound(1_001, { maxAgeMs: 0 })],
    [true, false],
  );
  assert.equal(isFound(1_000, { maxAgeMs: -1 }), false);
  assert.deepEqual([cache.counts.hits, cache.state.answers], [3, 1]);
});

/** A worker whose owner answers with this. */
function sharing(reply: Parameters<SharedAnswers['replied']>[0]['landing']) {
  const sent: SharedRequest[] = [];
  const shared = new SharedAnswers((request) => {
    sent.push(request);
    if (request.type === 'ask')
      shared.replied({ ask: request.ask, key: request.key, landing: reply });
  });
  return { sent, cache: new AnswerCache(settings, shared) };
}

test('an answer of another worker is kept here, unless it is too old for the client', async () => {
  const fresh = kept('x', { keptAt: Date.now(), expiresAt: Date.now() + 60_000 });
  const { cache } = sharing(fresh);
  assert.equal(await new CacheUse(cache, terms).wait(never), fresh);
  assert.equal(new CacheUse(cache, terms).find(Date.now()), fresh);
  const old = sharing(kept('x', { keptAt: Date.now() - 10_000, expiresAt: Date.now() + 60_000 }));
  assert.equal(await new CacheUse(old.cache, terms).wait(never), null);
  assert.equal(old.cache.state.answers, 0);
});

test('who leads tells the others how its request ended, and which purge it knew of', async () => {
  for (const [end, isPurged, landing] of [
    ['failed', false, 'failed'],
    ['left', false, 'left'],
    [{ candidate: {}, provider: 'p', modelSent: 'm', cost: 1, tokens: 2 }, false, 'put'],
    [{ candidate: {}, provider: 'p', modelSent: 'm', cost: 1, tokens: 2 }, true, 'left'],
  ] as const) {
    const { sent, cache } = sharing('lead');
    cache.purge([{ id: 7, applies_to: { key: 'bob' } }]);
    const use = new CacheUse(cache, { ...terms, singleFlight: true });
    assert.equal(await use.wait(never), null);
    use.missed();
    use.collect({ contentType: '', stream: false, lost: null }, null)?.push(Buffer.from('x'));
    if (isPurged) use.purged();
    use.settle(end);
    const last = sent.at(-1);
    assert.equal(last?.type === 'land' ? last.landing : last?.type, landing);
    if (last?.type === 'put') {
      assert.equal(last.purgedTo, 7);
      assert.equal(last.answer.expiresAt - last.answer.keptAt, 5_000);
    }
    assert.equal(cache.open.size, 0);
    assert.equal(cache.flights.take('k'), true, 'nobody leads any more');
  }
});

test('a stream without a mark of its end is not collected, and one without its mark not kept', () => {
  const cache = new AnswerCache(settings, null);
  const end = { candidate: {}, provider: 'p', modelSent: 'm', cost: null, tokens: null };
  const beginning = { contentType: 'text/event-stream', stream: true, lost: null };
  for (const [ends, text, count] of [
    [null, 'data: [DONE]', 0],
    [['[DONE]', 'stop'], 'data: half', 0],
    [['[DONE]', 'stop'], 'data: stop', 1],
  ] as const) {
    const use = new CacheUse(cache, terms);
    use.missed();
    const marks = ends?.map((each) => Buffer.from(each)) ?? null;
    use.collect(beginning, marks)?.push(Buffer.from(text));
    use.settle(end);
    assert.equal(cache.state.answers, count, text);
  }
});

test('a client that leaves while it waits is not asked to lead', async () => {
  const cache = new AnswerCache(settings, null);
  const asking = () => new CacheUse(cache, { ...terms, singleFlight: true });
  const [leader, gone, next] = [asking(), asking(), asking()];
  assert.equal(await leader.wait(never), null);
  const left = new AbortController();
  const waiting = [gone.wait(left.signal), next.wait(never)];
  left.abort();
  leader.settle('failed');
  assert.deepEqual(await Promise.all(waiting), [null, null]);
  next.settle('failed');
  assert.equal(cache.flights.take('k'), true, 'the next one led');
});

test('a purge is made once, however often it is listed', () => {
  const cache = new AnswerCache(settings, null);
  const purges = [{ id: 3, applies_to: {} }];
  cache.keep('k', kept('before'));
  cache.purge(purges);
  assert.equal(cache.state.answers, 0);
  cache.keep('k', kept('after'));
  cache.purge(purges);
  assert.equal(cache.state.answers, 1);
});
