import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseExposition, sampleValue } from '../../observe/exposition.js';
import { ask, askChat } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { until } from '../../support/until.js';
import { answerChat, startUpstream } from '../../support/upstream.js';

test('metrics are summed over workers, and nothing is lost when one is replaced', async (t) => {
  const daemon = await startDaemon(t, { workers: 2 });
  const upstream = await startUpstream(t, answerChat);
  await daemon.addProvider('p', { api_base: upstream.url, model_mapping: { m: 'm' } });
  const key = await daemon.addKey('k');
  await daemon.reload();
  const scrape = async () => (await ask(`${daemon.url}/metrics`)).text;
  const answered = (text: string) =>
    sampleValue(text, 'llm_proxy_requests_total', { model: 'm', status_code: '200' });
  const send = async (count: number) => {
    for (let i = 0; i < count; i++) assert.equal((await askChat(daemon.url, key, 'm')).status, 200);
  };

  await t.test('which the first scrape shows', async () => {
    await send(20);
    await until('20 requests', async () => answered(await scrape()) === 20);
    await until('what both workers say', async () => {
      const families = parseExposition(await scrape());
      return families.get('llm_proxy_resident_memory_bytes')?.samples.length === 3;
    });
  });

  await t.test('while a worker is killed', async () => {
    process.kill(daemon.workerPids()[0] ?? 0, 'SIGKILL');
    await daemon.waitFor('worker_exited');
    await until('the new worker', async () => {
      return sampleValue(await scrape(), 'llm_proxy_workers') === 2;
    });
    await send(20);
    const text = await until('40 requests', async () => {
      const now = await scrape();
      return answered(now) === 40 && now;
    });
    assert.equal(sampleValue(text, 'llm_proxy_worker_restarts_total'), 1);
    const processes = parseExposition(await scrape()).get('llm_proxy_event_loop_delay_p99_seconds');
    const names = processes?.samples.map(({ labels }) => labels.process) ?? [];
    assert.ok(names.every((name) => /^(control|worker-[12])$/.test(name ?? '')));
  });

  await t.test('and requests in flight are counted until they end', async () => {
    const waiting: (() => void)[] = [];
    const slow = await startUpstream(t, (request, response) => {
      waiting.push(() => answerChat(request, response));
    });
    await daemon.addProvider('slow', { api_base: slow.url, model_mapping: { slow: 'slow' } });
    await daemon.reload();
    const answers = Array.from({ length: 5 }, () => askChat(daemon.url, key, 'slow'));
    const active = async () =>
      sampleValue(await scrape(), 'llm_proxy_active_requests', {
        endpoint: '/v1/chat/completions',
      });
    await until('five', async () => (await active()) === 5);
    for (const answer of waiting) answer();
    await Promise.all(answers);
    await until('none', async () => (await active()) === 0);
  });

  await t.test('and show the version, the database and the last reload', async () => {
    const text = await scrape();
    const { version } = JSON.parse(
      (
        await ask(`${daemon.url}/admin/v1/config/version`, {
          headers: { authorization: `Bearer ${daemon.adminKey}` },
        })
      ).text,
    );
    assert.equal(sampleValue(text, 'llm_proxy_config_version'), version);
    assert.equal(sampleValue(text, 'llm_proxy_database_up'), 1);
    assert.equal(sampleValue(text, 'llm_proxy_config_last_reload_successful'), 1);
    await daemon.sql`UPDATE providers SET model_mapping = '{"/(/": "x"}' WHERE provider_key = 'p'`;
    await until('a failed reload', async () => {
      return sampleValue(await scrape(), 'llm_proxy_config_last_reload_successful') === 0;
    });
  });
});

test('names invented by clients create no series', async (t) => {
  const daemon = await startDaemon(t);
  const upstream = await startUpstream(t, answerChat);
  await daemon.addProvider('all', { api_base: upstream.url });
  const key = await daemon.addKey('k', { allowed_models: ['*', 'named'] });
  await daemon.reload();
  await askChat(daemon.url, key, 'named');
  for (let i = 0; i < 200; i++) await askChat(daemon.url, key, `invented-${i}`);
  const { text } = await until('all requests', async () => {
    const answer = await ask(`${daemon.url}/metrics`);
    return sampleValue(answer.text, 'llm_proxy_requests_total', {
      model: 'unknown',
      provider: 'all',
    }) === 200
      ? answer
      : false;
  });
  assert.ok(!text.includes('invented'));
  assert.equal(sampleValue(text, 'llm_proxy_requests_total', { model: 'named' }), 1);
});

test('a setting decides who may read the metrics', async (t) => {
  for (const [access, status] of [
    ['open', 200],
    ['local', 200],
    ['admin', 401],
  ] as const) {
    const daemon = await startDaemon(t, { settings: { metrics: { access } } });
    const answer = await ask(`${daemon.url}/metrics`);
    assert.equal(answer.status, status, access);
    const withKey = await ask(`${daemon.url}/metrics`, {
      headers: { authorization: `Bearer ${daemon.adminKey}` },
    });
    assert.equal(withKey.status, 200);
    assert.match(String(withKey.headers['content-type']), /^text\/plain; version=0\.0\.4/);
  }
});
