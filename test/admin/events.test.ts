import assert from 'node:assert/strict';
import { request } from 'node:http';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { ask, askChat, bearer } from '../support/ask.js';
import { type Daemon, startDaemon } from '../support/daemon.js';
import { until } from '../support/until.js';
import { startUpstream } from '../support/upstream.js';

interface Event {
  id?: string;
  event: string;
  data: Record<string, unknown>;
}

/** Follows events until the test ends. */
function follow(t: TestContext, { url, adminKey }: Daemon, query: string, lastId?: string) {
  const events: Event[] = [];
  let isOver = false;
  const headers = { ...bearer(adminKey), ...(lastId ? { 'last-event-id': lastId } : {}) };
  const sent = request(`${url}/admin/v1/events?${query}`, { headers, agent: false }, (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const fields = Object.fromEntries(
          text
            .slice(0, end)
            .split('\n')
            .map((line) => [line.split(': ')[0], line.slice(line.indexOf(': ') + 2)]),
        );
        text = text.slice(end + 2);
        if (fields.event)
          events.push({ ...fields, event: fields.event, data: JSON.parse(fields.data ?? '') });
      }
    });
    response.on('end', () => {
      isOver = true;
    });
    response.on('error', () => {});
  });
  sent.on('error', () => {}).end();
  t.after(() => sent.destroy());
  return { events, isOver: () => isOver, leave: () => sent.destroy() };
}

test('finished requests are pushed, and again to a client that reconnects', async (t) => {
  const upstream = await startUpstream(t, (_received, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(
      '{"id":"x","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}',
    );
  });
  const daemon = await startDaemon(t);
  await daemon.addProvider('main', { api_base: upstream.url });
  const [alice, bob] = [await daemon.addKey('alice'), await daemon.addKey('bob')];
  await daemon.reload();
  const { events, leave } = follow(t, daemon, 'topics=requests,status');
  const ofBob = follow(t, daemon, 'key=bob');
  const failures = follow(t, daemon, 'errors=true');
  await until('the first status', () => events.some(({ event }) => event === 'status'));

  const requests = () => events.filter(({ event }) => event === 'request');
  await askChat(daemon.url, alice, 'gpt-4o');
  await askChat(daemon.url, bob, 'gpt-4o');
  await until('both requests', () => requests().length === 2);
  const [first] = requests();
  assert.equal(first?.data.credential_name, 'alice');
  assert.equal(first?.data.provider, 'main');
  assert.equal(first?.data.status, 200);
  assert.equal(first?.data.completion_tokens, 4);
  await until('the request of bob', () => ofBob.events.length === 1);
  assert.equal(ofBob.events[0]?.data.credential_name, 'bob');
  assert.equal(failures.events.length, 0);

  leave();
  await ask(`${daemon.url}/v1/chat/completions`, {
    method: 'POST',
    headers: bearer(alice),
    body: '{"model":"gpt-4o","messages":"no"',
  });
  await until('the failure', () => failures.events.length === 1);
  const back = follow(t, daemon, 'topics=requests', first?.id);
  await until('what was missed', () => back.events.length === 2);
  assert.equal(back.events[0]?.data.credential_name, 'bob');
  assert.equal(back.events[1]?.data.status, 400);
  const unknown = follow(t, daemon, 'topics=requests', '999999');
  await askChat(daemon.url, bob, 'gpt-4o');
  await until('what comes', () => unknown.events.length === 1);
});

test('a stopping daemon does not wait for followers of events', async (t) => {
  const daemon = await startDaemon(t, { settings: { server: { grace_period_ms: 60_000 } } });
  const { events, isOver } = follow(t, daemon, 'topics=status');
  await until('the first status', () => events.length > 0);
  assert.equal(await daemon.stop(), 0);
  await until('the end of the stream', isOver);
});
