import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { askChat } from './ask.js';
import { type Daemon, type DaemonOptions, type ProviderFields, startDaemon } from './daemon.js';
import { chatCompletion, startUpstream, type Upstream } from './upstream.js';

export interface Gateway {
  daemon: Daemon;
  /** An unrestricted key. */
  key: string;
  providers: Record<string, Upstream>;
}

/** Starts a daemon with a provider for each entry, which answers with its own name as the model. */
export async function startGateway(
  t: TestContext,
  fields: Record<string, Partial<ProviderFields>>,
  options: DaemonOptions = {},
): Promise<Gateway> {
  const daemon = await startDaemon(t, options);
  const providers: Record<string, Upstream> = {};
  for (const [name, more] of Object.entries(fields)) {
    const upstream = await startNamedUpstream(t, name);
    providers[name] = upstream;
    await daemon.addProvider(name, { api_base: upstream.url, ...more });
  }
  const key = await daemon.addKey('alice');
  await daemon.reload();
  return { daemon, key, providers };
}

/** Starts a provider that answers with this name as the model. */
export function startNamedUpstream(t: TestContext, name: string): Promise<Upstream> {
  return startUpstream(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(chatCompletion(name));
  });
}

/** The name of the provider that answers a request for `model`. */
export async function whoAnswers({ url }: Daemon, key: string, model = 'm'): Promise<string> {
  const { status, text } = await askChat(url, key, model);
  assert.equal(status, 200, text);
  return JSON.parse(text).model;
}

/** True where 20 requests on 20 connections all get this status, so that all workers agree. */
export async function allAnswer({ url }: Daemon, key: string, status: number): Promise<boolean> {
  const answers = await Promise.all(Array.from({ length: 20 }, () => askChat(url, key, 'm')));
  return answers.every((answer) => answer.status === status);
}
