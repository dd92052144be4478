import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { parquetReadObjects } from 'hyparquet';
import { llmproxy } from '../../cli/llmproxy.js';
import { ask, askChat, bearer } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { until } from '../../support/until.js';
import { answerChat, startUpstream } from '../../support/upstream.js';

test('rows are exported as they are stored, and downloaded in every format', async (t) => {
  const received: Record<string, unknown>[] = [];
  const receiver = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (piece) => {
      text += piece;
    });
    request.on('end', () => {
      assert.equal(request.headers.authorization, 'Bearer collector');
      for (const line of text.trimEnd().split('\n')) received.push(JSON.parse(line));
      response.end();
    });
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  t.after(() => {
    receiver.closeAllConnections();
    receiver.close();
  });
  const { port } = receiver.address() as AddressInfo;
  const upstream = await startUpstream(t, answerChat);
  const daemon = await startDaemon(t, {
    settings: {
      usage: {
        export: {
          url: `http://127.0.0.1:${port}/`,
          headers: { authorization: 'env:COLLECTOR_TOKEN' },
        },
      },
    },
    env: { COLLECTOR_TOKEN: 'Bearer collector' },
  });
  await daemon.addProvider('main', { api_base: upstream.url, model_mapping: { m: 'm' } });
  const key = await daemon.addKey('alice');
  await daemon.reload();
  for (let n = 0; n < 3; n += 1) assert.equal((await askChat(daemon.url, key, 'm')).status, 200);
  await until('the rows are exported', () => received.length === 3);
  assert.equal(received[0]?.credential_name, 'alice');

  const headers = bearer(daemon.adminKey);
  const path = `${daemon.url}/admin/v1/usage/export?since=1h`;
  const ndjson = await fetch(`${path}&format=ndjson`, { headers });
  assert.equal(ndjson.headers.get('content-type'), 'application/x-ndjson');
  const lines = (await ndjson.text()).trimEnd().split('\n');
  const rows = lines.map((line) => JSON.parse(line));
  const byUid = (one: Record<string, unknown>, other: Record<string, unknown>) =>
    String(one.uid).localeCompare(String(other.uid));
  assert.deepEqual(rows.toSorted(byUid), received.toSorted(byUid));
  const csv = await ask(path, { headers });
  assert.equal(csv.text.split('\r\n').length, 5);
  const parquet = await fetch(`${path}&format=parquet`, { headers });
  const read = await parquetReadObjects({ file: await parquet.arrayBuffer() });
  assert.deepEqual(
    read.map(({ uid }) => uid),
    rows.map(({ uid }) => uid),
  );
  assert.equal((await ask(`${path}&format=xml`, { headers })).status, 400);
  assert.equal((await ask(`${path}&key=bob`, { headers })).text.split('\r\n').length, 2);
  assert.equal((await ask(path, {})).status, 401);
  for (let n = 0; n < 11; n++) {
    assert.equal((await ask(`${path}&until=never`, { headers })).status, 400);
  }
  const many = await Promise.all(
    Array.from({ length: 15 }, () => ask(`${path}&format=ndjson`, { headers })),
  );
  for (const { status, text, headers: answer } of many) {
    if (status === 503) assert.match(String(answer['retry-after']), /^\d+$/);
    else assert.deepEqual([status, text.trimEnd().split('\n')], [200, lines]);
  }
  assert.ok(many.filter(({ status }) => status === 200).length >= 10);

  const remote = ['usage', 'export', '--format', 'ndjson', '--gateway', daemon.url];
  const env = { LLMPROXY_DATA_DIR: '/nonexistent', ADMIN_KEY: daemon.adminKey };
  const downloaded = await llmproxy(remote, { env });
  assert.deepEqual([downloaded.code, downloaded.stderr], [0, '']);
  assert.deepEqual(downloaded.stdout.trimEnd().split('\n'), lines);
  const refused = await llmproxy(remote, { env: { ...env, ADMIN_KEY: 'wrong-key' } });
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /does not accept the admin key/);

  const metrics = await until('the export is measured', async () => {
    const { text } = await ask(`${daemon.url}/metrics`, { headers });
    return text.includes('llm_proxy_usage_export_queue_rows 0') && text;
  });
  assert.match(metrics, /llm_proxy_usage_export_rows_total 3\n/);
  assert.match(metrics, /llm_proxy_usage_export_lag_seconds 0\n/);
  const settings = await ask(`${daemon.url}/admin/v1/config/settings`, { headers });
  assert.doesNotMatch(settings.text, /COLLECTOR_TOKEN/);
});
