import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, askChat, bearer } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { engines } from '../../support/engines.js';
import { startGateway, whoAnswers } from '../../support/gateway.js';
import { startUpstream } from '../../support/upstream.js';

for (const { engine, skip } of engines) {
  test(`the mapping decides which provider gets a model on ${engine}`, { skip }, async (t) => {
    const { daemon, key, providers } = await startGateway(
      t,
      {
        exact: { model_mapping: { 'gpt-4': 'exact-model' } },
        wild: { model_mapping: { 'gpt-4-*': 'short-*', 'gpt-4-turbo*': 'long' } },
        regex: { model_mapping: { '/^claude-[0-9]+$/': 'by-regex' } },
        off: { model_mapping: { 'gpt-4': 'never' }, is_enabled: false },
      },
      { engine, env: { PROVIDER_SUFFIX: 'Proxy' } },
    );
    const goesTo = async (model: string, provider: string, sent: string) => {
      assert.equal((await askChat(daemon.url, key, model)).status, 200);
      const last = providers[provider]?.received.at(-1);
      assert.equal(JSON.parse(String(last?.body)).model, sent);
    };

    await t.test('by exact name, longest wildcard, regular expression', async () => {
      await goesTo('gpt-4', 'exact', 'exact-model');
      await goesTo('gpt-4-mini', 'wild', 'short-mini');
      await goesTo('gpt-4-turbo-x', 'wild', 'long');
      await goesTo('claude-3', 'regex', 'by-regex');
      assert.equal(providers.off?.received.length, 0);
    });

    await t.test('after PROVIDER_SUFFIX, a prefix, is removed', async () => {
      await goesTo('Proxy/gpt-4', 'exact', 'exact-model');
      for (const other of ['proxy/gpt-4', 'Proxygpt-4', 'Other/gpt-4', 'Proxy/Proxy/gpt-4']) {
        const { status, text } = await askChat(daemon.url, key, other);
        assert.equal(status, 404, other);
        assert.equal(JSON.parse(text).error.code, 'model_not_found');
      }
    });

    await t.test('and the key decides whether it may have it', async () => {
      const some = await daemon.addKey('some', { allowed_models: ['gpt-4', 'claude-*'] });
      await daemon.reload();
      for (const [model, status] of [
        ['gpt-4', 200],
        ['Proxy/gpt-4', 200],
        ['claude-3', 200],
        ['gpt-4-mini', 403],
        ['Proxy/gpt-4-mini', 403],
        ['exact-model', 403],
      ] as const) {
        assert.equal((await askChat(daemon.url, some, model)).status, status, model);
      }
    });
  });

  test(`weights share the traffic on ${engine}`, { skip }, async (t) => {
    const { daemon, key, providers } = await startGateway(
      t,
      { a: { weight: 3 }, b: { weight: 1 }, spare: { weight: 0 } },
      { engine },
    );
    const counts = () => Object.values(providers).map(({ received }) => received.length);

    await t.test('in exact proportion, never in bursts', async () => {
      const order: string[] = [];
      for (let i = 0; i < 40; i++) order.push(await whoAnswers(daemon, key));
      assert.deepEqual(counts(), [30, 10, 0]);
      assert.doesNotMatch(order.join(''), /bb|aaaa/);
    });

    await t.test('and an unreachable provider loses its share to the others', async () => {
      await providers.a?.close();
      for (let i = 0; i < 12; i++) assert.equal(await whoAnswers(daemon, key), 'b');
    });

    await t.test('and one of weight 0 answers when no other can', async () => {
      await providers.b?.close();
      for (let i = 0; i < 3; i++) assert.equal(await whoAnswers(daemon, key), 'spare');
    });

    await t.test('and when none can be reached the error is 502', async () => {
      await providers.spare?.close();
      const { status, text } = await askChat(daemon.url, key, 'm');
      assert.equal(status, 502);
      const { message, type, param, code } = JSON.parse(text).error;
      assert.deepEqual([type, param, code], ['upstream_error', null, 'upstream_failed']);
      assert.match(message, /could not connect/);
      assert.doesNotMatch(message, /127\.0\.0\.1/);
    });

    await t.test('and when none is enabled the error is 503', async () => {
      await daemon.sql`UPDATE providers SET is_enabled = false`;
      await daemon.reload();
      const { status, text } = await askChat(daemon.url, key, 'm');
      assert.equal(status, 503);
      assert.equal(JSON.parse(text).error.code, 'no_provider_available');
    });
  });
}

test('weighted_random shares at random, in proportion', async (t) => {
  const { daemon, key, providers } = await startGateway(
    t,
    { a: { weight: 3 }, b: { weight: 1 } },
    { settings: { routing: { strategy: 'weighted_random' } } },
  );
  const order: string[] = [];
  for (let i = 0; i < 400; i++) order.push(await whoAnswers(daemon, key));
  const share = (providers.a?.received.length ?? 0) / 400;
  // Five standard deviations: one failure in a million runs.
  assert.ok(Math.abs(share - 0.75) < 0.11, `a had ${share}`);
  assert.match(order.join(''), /bb|aaaa/);
});

test('a request is sent to no provider twice, even if each one breaks it off', async (t) => {
  const daemon = await startDaemon(t);
  const arrived = { a: 0, b: 0 };
  for (const name of ['a', 'b'] as const) {
    const { url } = await startUpstream(t, (_request, response) => {
      arrived[name]++;
      response.socket?.destroy();
    });
    await daemon.addProvider(name, { api_base: url });
  }
  const key = await daemon.addKey('alice');
  await daemon.reload();
  for (let i = 1; i <= 3; i++) {
    assert.equal((await askChat(daemon.url, key, 'm')).status, 502);
    assert.ok(arrived.a <= i && arrived.b <= i && arrived.a + arrived.b >= i);
  }
});

test('with auth off everybody may use every provider, but only on loopback', async (t) => {
  const { daemon } = await startGateway(t, { a: {} }, { settings: { auth: 'off' } });
  assert.equal(await whoAnswers(daemon, 'any'), 'a');
  assert.equal((await ask(`${daemon.url}/v1/models`)).status, 200);
  assert.ok(daemon.logs.some(({ event }) => event === 'auth_off'));
  const { code, stderr } = await daemon.cli(['serve', '--host', '0.0.0.0', '--port', '0']);
  assert.equal(code, 2);
  assert.match(stderr, /auth: off is refused unless server\.host is a loopback address/);
});

test('with no keys at all every request is refused', async (t) => {
  const { daemon } = await startGateway(t, { a: {} });
  await daemon.sql`DELETE FROM credentials`;
  await daemon.reload();
  for (const headers of [{}, bearer('sk-anything'), bearer('')]) {
    const { status } = await ask(`${daemon.url}/v1/models`, { headers });
    assert.equal(status, 401);
  }
});
