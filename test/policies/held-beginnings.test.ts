import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Guardrail } from '../../src/config/rows/guardrail.js';
import { HeldEvents, type HeldText } from '../../src/policies/guardrails/held-events.js';
import type { Gateway } from '../../src/proxy/gateway.js';
import type { Watched } from '../../src/proxy/watchdog.js';
import { type Answer, startUpstream } from '../support/upstream.js';
import {
  answers,
  type ClientDialect,
  clientDialects,
  guarded,
  guardrail,
  pathOf,
  post,
  requestIn,
  streamIn,
  textIn,
} from './guarded.js';

const long = 'A first piece with more characters than the first window of a check has at all. ';
const pieces = [long.repeat(2), 'Then a second one, ', 'and a third one.'];

/** A service that answers each check after a while. */
const service =
  (verdict: object, afterMs = 0): Answer =>
  async (_request, response) => {
    await pause(afterMs);
    response.end(JSON.stringify(verdict));
  };

/** Sends the events of a stream one after the other. */
const played =
  (dialect: ClientDialect, texts: readonly string[]): Answer =>
  async (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const event of streamIn(dialect, texts)
      .toString()
      .split(/(?<=\n\n)/)) {
      response.write(event);
      await pause(2);
    }
    response.end();
  };

/** Requests that the watchdog of a gateway watches; it must not keep those that are over. */
function watchedBy({ watchdog }: Gateway): Set<Watched> {
  const watched = new Set<Watched>();
  const add = watchdog.add.bind(watchdog);
  const remove = watchdog.delete.bind(watchdog);
  watchdog.add = (each) => {
    watched.add(each);
    add(each);
  };
  watchdog.delete = (each) => {
    watched.delete(each);
    remove(each);
  };
  return watched;
}

async function hooked(
  t: TestContext,
  hook: Answer,
  spoken: ClientDialect,
  answer: Answer,
  fields: Partial<Guardrail> = {},
) {
  const { url } = await startUpstream(t, hook);
  const rows = [guardrail('ours', 'webhook', { url }, { phases: ['answer'], ...fields })];
  return guarded(t, rows, spoken, answer);
}

for (const client of clientDialects) {
  test(`what a provider sends during the first check is not lost: ${client}`, async (t) => {
    const hook = service({ verdict: 'pass' }, 60);
    for (const spoken of new Set<ClientDialect>([client, 'openai.chat', 'gemini.generate'])) {
      const { origin, last } = await hooked(t, hook, spoken, played(spoken, pieces));
      const { text } = await post(origin, pathOf(client, true), requestIn(client, 'hi', true));
      assert.equal(textIn(client, text, true), pieces.join(''), spoken);
      assert.equal(last()?.complete, true);
    }
  });

  test(`a stream refused before its first text has the status of the refusal: ${client}`, async (t) => {
    const small = pieces.join('').match(/.{1,9}/gs) ?? [];
    const refusing = service({ verdict: 'refuse', reason: 'Too bad.' });
    const failing: Answer = (_request, response) => response.writeHead(500).end();
    for (const spoken of new Set<ClientDialect>([client, 'openai.chat'])) {
      const asked = requestIn(client, 'hi', true);
      const refused = await hooked(t, refusing, spoken, played(spoken, small));
      const watched = watchedBy(refused.gateway);
      const answer = await post(refused.origin, pathOf(client, true), asked);
      assert.equal(answer.status, 400, `${spoken} ${answer.text}`);
      assert.match(answer.text, /does not allow this answer: Too bad\./);
      assert.match(String(answer.headers['content-type']), /^application\/json/);
      assert.equal(refused.last()?.error, 'guardrail_blocked');
      assert.equal(refused.last()?.status, 400);
      assert.equal(watched.size, 0);
      const failed = await hooked(t, failing, spoken, played(spoken, small));
      const { status } = await post(failed.origin, pathOf(client, true), asked);
      assert.equal(status, 503);
      assert.equal(failed.last()?.error, 'guardrail_failed');
    }
  });

  test(`an answer that is refused as a whole is charged: ${client}`, async (t) => {
    const rows = [guardrail('names', 'regex', { patterns: [{ name: 'n', pattern: 'second' }] })];
    for (const spoken of new Set<ClientDialect>([client, 'openai.chat'])) {
      const { origin, gateway, last } = await guarded(t, rows, spoken, answers(spoken, pieces));
      const watched = watchedBy(gateway);
      for (const stream of [false, true]) {
        const path = pathOf(client, stream);
        const { status } = await post(origin, path, requestIn(client, 'hi', stream));
        assert.equal(status, 400);
        const { usage, uncounted } = last() ?? assert.fail();
        if (usage) assert.deepEqual([usage.promptTokens, usage.completionTokens], [3, 5]);
        // Only the part of a stream that has arrived.
        else assert.ok(stream && (uncounted?.answer.length ?? 0) > 0, `${spoken} ${stream}`);
        assert.equal(watched.size, 0);
      }
    }
  });
}

test('a stream that breaks before anything of it is released has the status of the failure', async (t) => {
  const cut: Answer = async (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(streamIn('openai.chat', ['only this']).toString().split('\n\n', 2).join('\n\n'));
    response.write('\n\n');
    await pause(20);
    response.destroy();
  };
  const { origin, last } = await hooked(t, service({ verdict: 'pass' }), 'openai.chat', cut);
  const path = pathOf('openai.chat', true);
  const { status, text } = await post(origin, path, requestIn('openai.chat', 'hi', true));
  assert.equal(status, 502, text);
  assert.equal(last()?.error, 'upstream_failed');
});

test('a client that waits for the first check gets comments, and then its stream or an error', async (t) => {
  const small = pieces.join('').match(/.{1,9}/gs) ?? [];
  const path = pathOf('openai.chat', true);
  const [passed, refused] = await Promise.all(
    ['pass', 'refuse'].map(async (verdict) => {
      const { url } = await startUpstream(t, service({ verdict }, 2_500));
      const config = { url, timeout_ms: 10_000, window_chars: 10_000 };
      const rows = [guardrail('ours', 'webhook', config, { phases: ['answer'] })];
      const answer = played('openai.chat', small);
      const { origin, gateway } = await guarded(t, rows, 'openai.chat', answer);
      gateway.settings.server.keepalive_ms = 1_000;
      return post(origin, path, requestIn('openai.chat', 'hi', true));
    }),
  );
  for (const answer of [passed, refused]) {
    assert.equal(answer?.status, 200);
    assert.ok(answer?.whole);
    assert.match(answer?.text ?? '', /^(: keepalive\n\n)+data: /);
  }
  assert.equal(textIn('openai.chat', passed?.text ?? '', true), pieces.join(''));
  assert.match(refused?.text ?? '', /\n\ndata: \{"error":.*guardrail_blocked"\}\}\n\n$/);
});

/** Events whose texts are decided all at once, by the test. */
function heldEvents() {
  const texts: (HeldText & { decided: number })[] = [];
  const events = new HeldEvents('openai.chat', () => {
    const text = { decided: 0, replacements: [], push: () => {} };
    texts.push(text);
    return text;
  });
  const push = (bytes: string) => {
    events.push(Buffer.from(bytes));
    return events.release().toString();
  };
  const decide = () => {
    for (const text of texts) text.decided = 1_000;
    return events.release().toString();
  };
  return { push, decide };
}

const delta = (delta: object, index = 0) =>
  `data: ${JSON.stringify({ choices: [{ index, delta }] })}\n\n`;

test('events before the first text wait with it, and pass where no text waits', () => {
  const role = delta({ role: 'assistant', content: '' });
  const one = heldEvents();
  assert.equal(one.push(role + delta({ content: 'Al' })), '');
  assert.equal(one.push(': a comment\n\n'), '');
  assert.equal(one.decide(), `${role}${delta({ content: 'Al' })}: a comment\n\n`);
  assert.equal(one.push(role + delta({ content: 'x'.repeat(2_000) })), role);
  const other = heldEvents();
  assert.equal(other.push(role), role);
  assert.equal(other.push(delta({ content: 'Al' })), '');
});
