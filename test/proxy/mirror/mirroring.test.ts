import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Configuration, Provider } from '../../../src/config/configuration.js';
import { newGuardrail } from '../../../src/config/rows/guardrail.js';
import { type Mirror, newMirror } from '../../../src/config/rows/mirror.js';
import type { Settings } from '../../../src/config/settings/settings-types.js';
import type { RequestFinished } from '../../../src/observe/request-event.js';
import { buildSnapshot } from '../../../src/routing/snapshot.js';
import { configuration, credential, provider } from '../../config/configuration-for-test.js';
import { until } from '../../support/until.js';
import { type Answer, answerChat, startUpstream } from '../../support/upstream.js';
import { chat, gatewayForTest, recordsOf, serveGateway } from '../gateway-for-test.js';

const all = { ...newMirror, name: 'n', provider: 'copies', sample_percent: 100 } as const;
const maxBodyBytes = 4_194_304;

interface Options {
  mirror?: Partial<Mirror>;
  /** Answers of the provider of the copies. */
  answer?: Answer;
  /** Answers of the provider of clients. */
  main?: Answer;
  more?: Partial<Configuration>;
  copies?: Partial<Provider>;
  change?: (settings: Settings) => void;
}

/** A gateway that mirrors the requests for `m` at `main` to `copies`. */
async function mirrored(t: TestContext, options: Options = {}) {
  const { mirror, answer = answerChat, main = answerChat, more, copies, change } = options;
  const [ofClients, ofCopies] = [await startUpstream(t, main), await startUpstream(t, answer)];
  const rows = configuration(
    [
      provider('main', { api_base: ofClients.url, model_mapping: { m: 'm', other: 'o' } }),
      provider('copies', {
        api_base: ofCopies.url,
        model_mapping: { m: 'm2' },
        weight: 0,
        ...copies,
      }),
    ],
    [credential('sk-test')],
  );
  const gateway = gatewayForTest(t, [], change);
  gateway.snapshot = buildSnapshot({ ...rows, mirrors: [{ ...all, ...mirror }], ...more }, 'hash');
  const origin = await serveGateway(t, gateway);
  const copied = () => recordsOf(gateway).filter(({ mirror }) => mirror !== null);
  return {
    gateway,
    copies: ofCopies,
    ask: (body: object = { model: 'm' }) => chat(origin, body),
    origin,
    /** Resolves with the events of so many copies. */
    copied: (count: number): Promise<RequestFinished[]> =>
      until(`${count} copies`, () => copied().length >= count && copied()),
    /** Resolves with what was not mirrored, by reason. */
    skipped: (count: number) =>
      until(`${count} skipped`, () => {
        const skips = gateway.events.filter((event) => event.type === 'mirror_skipped');
        return skips.length >= count && skips.map(({ reason, count }) => [reason, count]);
      }),
  };
}

test('a copy asks its own provider for its own model, and for nothing else', async (t) => {
  const { ask, copied, copies } = await mirrored(t);
  assert.equal((await ask()).status, 200);
  const [copy] = await copied(1);
  assert.deepEqual([copy?.provider, copy?.modelSent, copy?.attempts], ['copies', 'm2', 1]);
  assert.equal(copy?.mirror?.client.provider, 'main');
  assert.equal(JSON.parse(copies.received[0]?.body.toString() ?? '').model, 'm2');
  const named = await mirrored(t, { mirror: { provider: null, model: 'other' } });
  await named.ask();
  const [other] = await named.copied(1);
  assert.deepEqual([other?.provider, other?.modelSent], ['main', 'o']);
});

test('requests of up to 4 MiB are mirrored', async (t) => {
  const change = ({ server }: Settings) => {
    server.max_body_bytes = 2 * maxBodyBytes;
  };
  const { ask, copied, copies } = await mirrored(t, { change });
  const text = (bytes: number) => ({
    model: 'm',
    user: 'x'.repeat(bytes - JSON.stringify({ model: 'm', user: '' }).length),
  });
  assert.equal((await ask(text(maxBodyBytes + 1))).status, 200);
  assert.equal((await ask(text(maxBodyBytes))).status, 200);
  await copied(1);
  assert.deepEqual(
    copies.received.map(({ body }) => body.length),
    [maxBodyBytes + 1],
    'only the smaller one, whose model has a longer name there',
  );
});

test('the sampled part is that of the mirror', async (t) => {
  const { ask, copied } = await mirrored(t, { mirror: { sample_percent: 30 } });
  const random = t.mock.method(Math, 'random', () => 0.3);
  await ask();
  random.mock.mockImplementation(() => 0.299);
  await ask();
  const [copy, ...more] = await copied(1);
  assert.deepEqual(more, []);
  assert.equal(copy?.status, 200);
});

test('a request that its client left, or that a stopping worker served, is not mirrored', async (t) => {
  let finish = () => {};
  const main: Answer = ({ body }, response) => {
    if (JSON.parse(body.toString()).user !== 'leaves') answerChat({} as never, response);
    else finish = () => response.destroy();
  };
  const { gateway, ask, copied, copies, origin } = await mirrored(t, { main });
  const leaving = new AbortController();
  const body = JSON.stringify({ model: 'm', user: 'leaves' });
  const left = fetch(`${origin}/v1/chat/completions`, {
    ...{ method: 'POST', body, signal: leaving.signal },
  }).catch(() => 'left');
  await until('the provider', () => gateway.active.get('/v1/chat/completions') === 1);
  leaving.abort();
  assert.equal(await left, 'left');
  await until('its end', () => recordsOf(gateway).length === 1);
  finish();
  gateway.draining = true;
  await ask();
  gateway.draining = false;
  await ask();
  await copied(1);
  assert.equal(copies.received.length, 1);
});

test('the provider that answered the client selects, not the one that copies go to', async (t) => {
  const of = (name: string, provider: string) => ({ ...all, name, applies_to: { provider } });
  const mirrors = [of('other', 'copies'), of('own', 'main')];
  const { ask, copied } = await mirrored(t, { more: { mirrors } });
  for (let i = 1; i <= 5; i++) {
    await ask();
    await copied(i);
  }
  const names = (await copied(5)).map(({ mirror }) => mirror?.mirror);
  assert.deepEqual(names, Array(5).fill('own'));
});

test('what cannot be mirrored is counted by its reason, once', async (t) => {
  const stops = [{ name: 's', applies_to: { provider: 'copies' }, reason: null }];
  const none = await mirrored(t, { copies: { model_mapping: { x: 'x' } } });
  const stopped = await mirrored(t, { more: { stops } });
  const unpriced = await mirrored(t, { mirror: { budget: 1_000 } });
  const late = await mirrored(t);
  // Late enough for copies to be left out, while clients are still served.
  const loopDelayMs = 0.6 * late.gateway.settings.limits.max_event_loop_delay_ms;
  Object.defineProperty(late.gateway.watchdog, 'loopDelayMs', {
    get: () => loopDelayMs,
    set: () => {},
  });
  const cases = [
    [none, 'no_provider'],
    [stopped, 'stopped'],
    [unpriced, 'unpriced'],
    [late, 'busy'],
  ] as const;
  await Promise.all(
    cases.map(async ([{ ask, skipped, copies }, reason]) => {
      await Promise.all([ask(), ask()]);
      assert.deepEqual(await skipped(1), [[reason, 2]]);
      await ask();
      const again = await skipped(2);
      assert.deepEqual(again.slice(1), [[reason, 1]]);
      assert.equal(copies.received.length, 0, reason);
    }),
  );
});

test('copies under way are bounded, and end as they are answered', async (t) => {
  const held: (() => void)[] = [];
  const { ask, copied, skipped } = await mirrored(t, {
    mirror: { max_concurrency: 2 },
    answer: (request, response) => held.push(() => answerChat(request, response)),
  });
  for (let i = 0; i < 5; i++) await ask();
  assert.deepEqual(await skipped(1), [['busy', 3]]);
  assert.equal(held.length, 2);
  for (const answer of held.splice(0)) answer();
  await copied(2);
  await ask();
  await until('another copy', () => held.length === 1);
  held[0]?.();
});

test('a copy that fails is tried at no fallback model, and is compared as a failure', async (t) => {
  const refusing: Answer = (_, response) =>
    response
      .writeHead(400, { 'content-type': 'application/json' })
      .end(JSON.stringify({ error: { code: 'context_length_exceeded', message: 'too long' } }));
  const { ask, copied, gateway } = await mirrored(t, {
    answer: refusing,
    change: ({ routing }) => {
      routing.context_length_fallbacks = { m: ['other'] };
    },
  });
  await ask();
  const [copy] = await copied(1);
  assert.deepEqual([copy?.status, copy?.attempts, copy?.provider], [400, 1, 'copies']);
  assert.equal(copy?.mirror?.client.failed, false);
  assert.equal(gateway.health.statuses(Date.now()).copies, undefined);
  const failing = await mirrored(t, { main: refusing });
  assert.equal((await failing.ask()).status, 400);
  const [other] = await failing.copied(1);
  assert.deepEqual([other?.mirror?.client.status, other?.mirror?.client.failed], [400, true]);
});

test('an answer that no guardrail could check is compared as the success of its provider', async (t) => {
  const config = { url: 'http://127.0.0.1:9', retries: 0 };
  const guardrails = [{ ...newGuardrail, name: 'gone', kind: 'webhook' as const, config }];
  const open = guardrails.map((row) => ({ ...row, on_error: 'open' as const }));
  const { ask, copied, gateway } = await mirrored(t, { more: { guardrails: open } });
  await ask();
  const [copy] = await copied(1);
  assert.equal(recordsOf(gateway)[0]?.error, 'guardrail_skipped');
  assert.equal(copy?.mirror?.client.failed, false);
});

test('a webhook gives a score from 0 to 1, or none', async (t) => {
  const said = { status: 200, body: '{"score": 1}' };
  const judge = await startUpstream(t, (_, response) =>
    response.writeHead(said.status, { 'content-type': 'application/json' }).end(said.body),
  );
  const { ask, copied, skipped } = await mirrored(t, { mirror: { webhook: judge.url } });
  let count = 0;
  const scoreOf = async (body: string, status = 200) => {
    Object.assign(said, { status, body });
    await ask();
    return (await copied(++count)).at(-1)?.mirror?.score;
  };
  assert.equal(await scoreOf('{"score": 1}'), 1);
  assert.equal(await scoreOf('{"score": 0}'), 0);
  assert.equal(await scoreOf('{"score": null}'), null);
  assert.equal(await scoreOf(''), null);
  for (const wrong of ['{"score": 1.01}', '{"score": -0.1}', '{"score": "1"}', '[]', 'no']) {
    assert.equal(await scoreOf(wrong), null, wrong);
  }
  assert.equal(await scoreOf('{"score": 1}', 300), null);
  const failed = (await skipped(1)).map(([reason]) => reason);
  assert.deepEqual([...new Set(failed)], ['webhook_failed']);
  const [first] = judge.received.map(({ body }) => JSON.parse(body.toString()));
  assert.deepEqual([first.mirror, first.model, first.client.provider], ['n', 'm', 'main']);
  assert.deepEqual([first.copy.provider, first.copy.model_sent], ['copies', 'm2']);
});
