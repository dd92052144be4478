import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { type Answered, ask, bearer } from '../../support/ask.js';
import { type Daemon, startDaemon } from '../../support/daemon.js';
import { until } from '../../support/until.js';
import { chatCompletion, startUpstream } from '../../support/upstream.js';

export const greedy = { temperature: 0 };

/** A daemon before a provider that numbers its answers. */
export async function served(t: TestContext, workers = 1) {
  const daemon = await startDaemon(t, { workers });
  let count = 0;
  const upstream = await startUpstream(t, (_, response) => {
    count++;
    const usage = { prompt_tokens: 1_000, completion_tokens: 500, total_tokens: 1_500 };
    const body = { ...JSON.parse(chatCompletion(`m${count}`)), usage };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await daemon.addProvider('main', { api_base: upstream.url });
  return { daemon, upstream };
}

/** Creates a key by the CLI. */
export async function keyWith(daemon: Daemon, name: string, ...flags: string[]): Promise<string> {
  const { code, stdout, stderr } = await daemon.cli(['keys', 'create', name, ...flags, '--json']);
  assert.equal(code, 0, stderr);
  const { key } = JSON.parse(stdout);
  daemon.secrets.add(key);
  return key;
}

/** Waits until workers share so many answers. */
export async function shared(daemon: Daemon, answers: number): Promise<void> {
  await until('shared answers', async () => {
    const { text } = await ask(`${daemon.url}/admin/v1/cache`, {
      headers: bearer(daemon.adminKey),
    });
    return JSON.parse(text).shared.answers === answers;
  });
}

export function resultOf({ headers }: Answered): string | undefined {
  return headers['x-llmproxy-cache'] as string | undefined;
}
