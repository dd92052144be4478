import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, askChat, bearer } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { until } from '../../support/until.js';
import { answerChat, startUpstream } from '../../support/upstream.js';

interface State {
  provider?: string;
  provider_key?: string;
  state: string;
}

/** States by provider, in the words that were used. */
function statesOf(rows: readonly State[]): Record<string, string> {
  return Object.fromEntries(rows.map((row) => [row.provider ?? row.provider_key, row.state]));
}

test('status, provider list and /health say the same of each provider, status and usage of errors', async (t) => {
  const daemon = await startDaemon(t, { settings: { server: { workers: 1 } } });
  const good = await startUpstream(t, answerChat);
  const broken = await startUpstream(t, (_request, response) => {
    // Until all have asked for its state.
    response.writeHead(500, { 'retry-after': '60' }).end('{"error":{"message":"no"}}');
  });
  await daemon.addProvider('good', { api_base: good.url, model_mapping: { m: 'm' } });
  await daemon.addProvider('broken', { api_base: broken.url, model_mapping: { n: 'n' } });
  const key = await daemon.addKey('alice');
  await daemon.reload();
  const asked = async (model: string) => (await askChat(daemon.url, key, model)).status;
  assert.equal(await asked('m'), 200);
  for (let failed = 0; failed < 2; failed++) assert.notEqual(await asked('n'), 200);
  assert.equal(await asked('unknown'), 404);

  const json = async (...args: string[]) =>
    JSON.parse((await daemon.cli([...args, '--json'])).stdout);
  await until('the row of each request to be stored', async () => {
    return (await json('usage', '--since', '1h')).total.requests === 4;
  });
  const status = await json('status');
  const shown = statesOf(status.providers);
  assert.equal(shown.good, 'available');
  assert.equal(shown.broken, 'cooling_down');
  assert.deepEqual(statesOf(await json('provider', 'list')), shown);
  const health = JSON.parse(
    (await ask(`${daemon.url}/health`, { headers: bearer(daemon.adminKey) })).text,
  );
  assert.deepEqual(statesOf(health.providers), shown);

  const { total } = await json('usage', '--since', '1h');
  assert.deepEqual(
    [status.requests.requests, status.requests.errors],
    [total.requests, total.errors],
  );
  assert.equal(total.errors, 3);
});
