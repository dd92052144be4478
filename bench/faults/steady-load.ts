import { Agent, type IncomingMessage, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

export interface SteadyLoadOptions {
  /** The gateway's URL. */
  url: string;
  key: string;
  model: string;
  /** Closed-loop clients of each kind. */
  keepAlive: number;
  fresh: number;
  streams: number;
}

export interface LoadResult {
  /** Answered completely, with status 200. */
  answered: { keepAlive: number; fresh: number; streams: number };
  /** Failures: description and count. */
  failures: Map<string, number>;
}

/** Closed-loop clients, running until stopped. */
export interface SteadyLoad {
  /** Lets requests in flight finish. */
  stop(): Promise<LoadResult>;
  readonly result: LoadResult;
}

/** Between a client's requests: without it they take the cores from what is tested. */
const pauseMs = 5;

type Kind = keyof LoadResult['answered'];

/**
 * `keepAlive` clients keep their connection, `fresh` ones open one for each request, and `streams`
 * read streams to their `[DONE]`. Clients never retry: each refusal, reset and cut is a failure.
 */
export function startSteadyLoad(options: SteadyLoadOptions): SteadyLoad {
  const result: LoadResult = {
    answered: { keepAlive: 0, fresh: 0, streams: 0 },
    failures: new Map(),
  };
  let running = true;
  const client = async (kind: Kind) => {
    const agent = kind === 'fresh' ? false : new Agent({ keepAlive: true, maxSockets: 1 });
    while (running) {
      const problem = await ask(options, agent, kind === 'streams').catch(
        (error: NodeJS.ErrnoException) => error.code ?? error.message,
      );
      if (problem === null) result.answered[kind]++;
      else {
        const name = `${kind}: ${problem}`;
        result.failures.set(name, (result.failures.get(name) ?? 0) + 1);
      }
      await pause(pauseMs);
    }
    if (agent) agent.destroy();
  };
  const kinds = ['keepAlive', 'fresh', 'streams'] as const;
  const clients = kinds.flatMap((kind) =>
    Array.from({ length: options[kind] }, () => client(kind)),
  );
  return {
    result,
    async stop() {
      running = false;
      await Promise.all(clients);
      return result;
    },
  };
}

/** Sends one request; resolves with a description of its failure, or null. */
function ask(
  { url, key, model }: SteadyLoadOptions,
  agent: Agent | false,
  stream: boolean,
): Promise<string | null> {
  const body = JSON.stringify({ model, stream, messages: [{ role: 'user', content: 'hi' }] });
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const sent = request(
      `${url}/v1/chat/completions`,
      { method: 'POST', agent, headers },
      (response: IncomingMessage) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => {
          text += piece;
        });
        response.on('error', reject);
        response.on('end', () => {
          if (response.statusCode !== 200) resolve(`status ${response.statusCode}`);
          else if (stream && !text.includes('[DONE]')) resolve('stream cut');
          else resolve(null);
        });
      },
    );
    sent.on('error', reject).end(body);
  });
}
