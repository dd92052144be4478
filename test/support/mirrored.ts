import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { ask, bearer } from './ask.js';
import { type Daemon, type DaemonOptions, startDaemon } from './daemon.js';
import { until } from './until.js';
import { startUpstream, type Upstream } from './upstream.js';

const usage = { prompt_tokens: 100, completion_tokens: 1_000, total_tokens: 1_100 };

type Handler = Parameters<typeof startUpstream>[1];

/** Answers with this usage, so that a request costs 0.011 dollars at 10 dollars a million. */
export function answering(model: string): Handler {
  return (_, response) => {
    const message = { role: 'assistant', content: `from ${model}` };
    const choices = [{ index: 0, finish_reason: 'stop', message }];
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ id: 'x', object: 'chat.completion', model, choices, usage }));
  };
}

/** A gateway whose provider `main` answers the model `m`, and whose `other` gets the copies. */
export async function openMirrored(
  t: TestContext,
  other: Handler,
  options: DaemonOptions = {},
): Promise<{ daemon: Daemon; key: string; main: Upstream; copies: Upstream }> {
  const main = await startUpstream(t, answering('main'));
  const copies = await startUpstream(t, other);
  const daemon = await startDaemon(t, options);
  await daemon.addProvider('main', { api_base: main.url, model_mapping: { m: 'm' } });
  await daemon.addProvider('other', {
    api_base: copies.url,
    model_mapping: { x: 'x', m: 'm2' },
    weight: 0,
  });
  await daemon.sql`INSERT INTO prices (name, model, rates) VALUES
    ('m', 'm', '{"input": 10000000000, "output": 10000000000}'),
    ('m2', 'm2', '{"input": 1000000000, "output": 1000000000}')`;
  const key = await daemon.addKey('alice');
  await daemon.reload();
  return { daemon, key, main, copies };
}

export async function admin(daemon: Daemon, method: string, path: string, body?: object) {
  const answer = await ask(`${daemon.url}/admin/v1${path}`, {
    method,
    headers: bearer(daemon.adminKey),
    ...(body && { body: JSON.stringify(body) }),
  });
  assert.ok(answer.status < 300, answer.text);
  return answer.text === '' ? null : JSON.parse(answer.text);
}

export function addMirror(daemon: Daemon, fields: object) {
  const all = { name: 'n', provider: 'other', sample_percent: 100, ...fields };
  return admin(daemon, 'POST', '/mirrors?wait=active', all);
}

export async function rowsOf(daemon: Daemon, count: number) {
  return await until(`${count} copies`, async () => {
    const rows = await daemon.sql`
      SELECT * FROM request_logs WHERE mirror IS NOT NULL ORDER BY started_at`;
    return rows.length >= count ? [...rows] : (false as const);
  });
}

export async function metricsOf(daemon: Daemon): Promise<string> {
  const answer = await fetch(`${daemon.url}/metrics`, { headers: bearer(daemon.adminKey) });
  return await answer.text();
}
