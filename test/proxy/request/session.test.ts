import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Settings } from '../../../src/config/settings/settings-types.js';
import { provider } from '../../config/configuration-for-test.js';
import { answerChat, startUpstream } from '../../support/upstream.js';
import { chat, gatewayForTest, recordsOf, serveGateway } from '../gateway-for-test.js';

type Affinity = Settings['routing']['affinity'];

async function served(t: TestContext, affinity: Affinity) {
  const upstreams = await Promise.all(['a', 'b'].map(() => startUpstream(t, answerChat)));
  const providers = upstreams.map(({ url }, i) => provider(i === 0 ? 'a' : 'b', { api_base: url }));
  const gateway = gatewayForTest(t, providers, ({ routing }) => {
    routing.affinity = affinity;
  });
  const origin = await serveGateway(t, gateway);
  return {
    gateway,
    upstreams,
    /** The provider that answers, and the one that the session prefers. */
    ask: async (body: object) => {
      assert.equal((await chat(origin, { model: 'm', ...body })).status, 200);
      const { provider, prefers } = recordsOf(gateway).at(-1) ?? assert.fail();
      return { provider, prefers };
    },
  };
}

const turn = (role: string, content: string) => ({ role, content });

test('a conversation stays with one provider, and conversations are spread', async (t) => {
  const { ask } = await served(t, 'prefix');
  const firsts = new Set<string | null>();
  for (let i = 0; i < 12; i++) {
    const messages = [turn('system', 'Be brief.'), turn('user', `question ${i}`)];
    const { provider, prefers } = await ask({ messages });
    assert.equal(provider, prefers);
    firsts.add(provider);
    for (const more of ['why?', 'how?']) {
      messages.push(turn('assistant', 'so'), turn('user', more));
      assert.deepEqual(await ask({ messages }), { provider, prefers });
    }
  }
  assert.deepEqual([...firsts].sort(), ['a', 'b']);
});

test('a session is named by its client, whatever the prompt is', async (t) => {
  const { ask } = await served(t, 'session');
  for (const [index, name] of ['prompt_cache_key', 'user', 'safety_identifier'].entries()) {
    const asked = (i: number) => ({ [name]: `s${index}`, messages: [turn('user', `${i}`)] });
    const first = await ask(asked(0));
    assert.equal(first.provider, first.prefers);
    for (let i = 1; i < 4; i++) assert.deepEqual(await ask(asked(i)), first);
  }
  const without = [];
  for (let i = 0; i < 4; i++) without.push(await ask({ messages: [turn('user', 'same')] }));
  assert.deepEqual([...new Set(without.map(({ provider }) => provider))].sort(), ['a', 'b']);
  assert.ok(without.every(({ prefers }) => prefers === null));
});

test('the headers of agents name a session too, and its name is recorded', async (t) => {
  const { gateway, upstreams } = await served(t, 'session');
  const origin = await serveGateway(t, gateway);
  const names = ['x-claude-code-session-id', 'Session-Id', 'session_id', 'conversation_id'];
  for (const header of [...names, 'x-session-id', 'x-session-affinity']) {
    const providers = new Set<string | null>();
    for (let i = 0; i < 4; i++) {
      const messages = [turn('user', `${i}`)];
      const response = await fetch(`${origin}/v1/chat/completions`, {
        method: 'POST',
        headers: { [header]: `of ${header}` },
        body: JSON.stringify({ model: 'm', prompt_cache_key: `${i}`, messages }),
        signal: AbortSignal.timeout(10_000),
      });
      assert.equal(response.status, 200);
      const { provider, session } = recordsOf(gateway).at(-1) ?? assert.fail();
      assert.equal(session, `of ${header}`);
      providers.add(provider);
    }
    assert.equal(providers.size, 1, header);
  }
  assert.ok(upstreams.length > 1);
});

test('without affinity requests take turns, and nothing is preferred', async (t) => {
  const { ask } = await served(t, 'off');
  const all = [];
  for (let i = 0; i < 4; i++) all.push(await ask({ user: 'u', messages: [turn('user', 'same')] }));
  assert.deepEqual([...new Set(all.map(({ provider }) => provider))].sort(), ['a', 'b']);
  assert.ok(all.every(({ prefers }) => prefers === null));
});

test('when its provider fails, a session moves, and is told so', async (t) => {
  const { ask, upstreams } = await served(t, 'prefix');
  const messages = [turn('user', 'hi')];
  const { provider, prefers } = await ask({ messages });
  await upstreams[provider === 'a' ? 0 : 1]?.close();
  const moved = await ask({ messages });
  assert.equal(moved.prefers, prefers);
  assert.equal(moved.provider, provider === 'a' ? 'b' : 'a');
});
