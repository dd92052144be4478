import { request as ask, type IncomingHttpHeaders } from 'node:http';
import type { TestContext } from 'node:test';
import type { Credential, Provider, Team } from '../../../src/config/configuration.js';
import type { Settings } from '../../../src/config/settings/settings-types.js';
import { buildSnapshot } from '../../../src/routing/snapshot.js';
import { netEngine } from '../../../src/server/net.js';
import { configuration, provider } from '../../config/configuration-for-test.js';
import { type Answer, startUpstream } from '../../support/upstream.js';
import { gatewayForTest, recordsOf, serveGateway } from '../gateway-for-test.js';

export interface Answered {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  whole: boolean;
}

export interface AskOptions {
  key?: string;
  headers?: Record<string, string>;
  path?: string;
  /** Leaves when this is aborted. */
  signal?: AbortSignal;
}

/** A gateway with these keys before a provider that answers so. */
export async function servedWithKeys(
  t: TestContext,
  answer: Answer,
  keys: Credential[],
  {
    teams = [],
    more = {},
    providers = [],
    change = () => {},
  }: {
    teams?: Team[];
    more?: Partial<Provider>;
    providers?: Provider[];
    change?: (settings: Settings) => void;
  } = {},
) {
  const upstream = await startUpstream(t, answer);
  const main = provider('main', { api_base: upstream.url, ...more });
  const gateway = gatewayForTest(t, [], (settings) => {
    settings.auth = 'on';
    change(settings);
  });
  const rows = configuration([main, ...providers], keys, 1, teams);
  gateway.snapshot = buildSnapshot(rows, 'hash');
  const origin = await serveGateway(t, gateway, netEngine);
  const chat = (body: object, options: AskOptions = {}) => post(origin, body, options);
  return {
    gateway,
    rows,
    chat,
    asked: upstream.received,
    last: () => recordsOf(gateway).at(-1),
    /** Outcome of the cache for a request with this body. */
    resultOf: async (body: object, options: AskOptions = {}) =>
      (await chat(body, options)).headers['x-llmproxy-cache'] ?? null,
  };
}

function post(
  origin: string,
  body: object,
  { key = 'alice', headers = {}, path = '/v1/chat/completions', signal }: AskOptions,
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const sent = ask(
      origin + path,
      {
        method: 'POST',
        agent: false,
        headers: { authorization: `Bearer ${key}`, ...headers },
        ...(signal && { signal }),
      },
      (response) => {
        const pieces: Buffer[] = [];
        const { statusCode: status = 0 } = response;
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.on('error', () => {});
        response.on('close', () =>
          resolve({
            status,
            headers: response.headers,
            body: Buffer.concat(pieces),
            whole: response.complete,
          }),
        );
      },
    );
    sent.on('error', reject);
    sent.end(JSON.stringify(body));
  });
}

/** The events of a stream of chat completions. */
export function chatStream(text = 'ok', usage = true): string {
  const chunk = (choices: object[], more: object = {}) =>
    `data: ${JSON.stringify({ id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'm', choices, ...more })}\n\n`;
  const counted = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
  return [
    chunk([{ index: 0, delta: { role: 'assistant', content: text } }]),
    chunk([{ index: 0, delta: {}, finish_reason: 'stop' }]),
    ...(usage ? [chunk([], { usage: counted })] : []),
    'data: [DONE]\n\n',
  ].join('');
}
