import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askChat } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { assertNoneLost, loadOn, more } from '../../support/load-for-test.js';
import { isRunning, until } from '../../support/until.js';
import { answerChat, startUpstream } from '../../support/upstream.js';

for (const workers of [1, 2]) {
  test(`no more than max_concurrency requests are in flight to a provider, with ${workers} workers`, async (t) => {
    const daemon = await startDaemon(t, { workers });
    let active = 0;
    let most = 0;
    const upstream = await startUpstream(t, (request, response) => {
      active++;
      most = Math.max(most, active);
      response.on('close', () => active--);
      setTimeout(() => answerChat(request, response), 5 + (active % 3) * 10);
    });
    const provider_params = { max_concurrency: 7 };
    await daemon.addProvider('p', { api_base: upstream.url, provider_params });
    const key = await daemon.addKey('alice');
    await daemon.reload();
    const load = loadOn(t, daemon, key, { concurrency: 40, keepAlive: false });
    await more(load, 500);
    assertNoneLost(t, await load.stop(), `${workers} workers`);
    t.diagnostic(`at most ${most} of 7 were under way`);
    assert.equal(most, 7);
  });
}

test('the slots of a worker that is killed are not lost', async (t) => {
  const daemon = await startDaemon(t, { workers: 2 });
  const upstream = await startUpstream(t, (request, response) => {
    const { model } = JSON.parse(String(request.body));
    if (model !== 'hang') answerChat(request, response);
  });
  const provider_params = { max_concurrency: 4 };
  await daemon.addProvider('p', { api_base: upstream.url, provider_params });
  const key = await daemon.addKey('alice');
  await daemon.reload();
  for (let round = 0; round < 2; round++) {
    const before = upstream.received.length;
    const hanging = Array.from({ length: 4 }, () =>
      askChat(daemon.url, key, 'hang').catch(() => null),
    );
    await until('all slots in use', () => upstream.received.length === before + 4);
    for (const pid of daemon.workerPids()) {
      process.kill(pid, 'SIGKILL');
      await until('its end', () => !isRunning(pid));
    }
    await Promise.all(hanging);
    await until('new workers', () => daemon.workerPids().length === 2);
    await until('an answer', async () => (await askChat(daemon.url, key, 'm')).status === 200);
  }
});

test('the cap on all requests holds over all workers', async (t) => {
  const daemon = await startDaemon(t, {
    workers: 2,
    settings: { limits: { max_concurrency: 6 } },
  });
  let active = 0;
  let most = 0;
  for (const name of ['a', 'b']) {
    const { url } = await startUpstream(t, (request, response) => {
      active++;
      most = Math.max(most, active);
      response.on('close', () => active--);
      setTimeout(() => answerChat(request, response), 10);
    });
    await daemon.addProvider(name, { api_base: url });
  }
  const key = await daemon.addKey('alice');
  await daemon.reload();
  const load = loadOn(t, daemon, key, { concurrency: 30, keepAlive: false });
  await more(load, 300);
  assertNoneLost(t, await load.stop(), 'all');
  assert.equal(most, 6);
});
