/** Requests per second; `half` of the target's throughput in the closed loop just before. */
export type Rate = number | 'half';

/** Settings of the mock provider and the load generator. */
export interface Scenario {
  name: string;
  title: string;
  /** The unit of CPU time and throughput. */
  unit: 'request' | 'chunk';
  path: string;
  body: string;
  /** Settings of the mock provider. */
  mock: { chunks: number; chunkIntervalMs: number };
  /**
   * The server that targets forward to, if not the mock provider itself: TLS in front of it, or an
   * nginx that answers as it does.
   */
  upstream?: 'tls' | 'nginx';
  connections: number;
  /** Time for the connections to start and the target to warm up. */
  warmUpMs: number;
  /** Rate of the open loop; null where only streams of a fixed pace make sense. */
  perSecond: Rate | null;
}

const streamChunks = 100;
const streamIntervalMs = 20;

const small: Scenario = {
  name: 'small',
  title: 'small chat: 0.3 KB in, 1.4 KB out, 64 connections',
  unit: 'request',
  path: '/v1/chat/completions',
  body: chat('gpt-4o', promptOfBytes(220), false),
  mock: { chunks: 30, chunkIntervalMs: 20 },
  connections: 64,
  warmUpMs: 1500,
  perSecond: 2000,
};

export const scenarios: readonly Scenario[] = [
  small,
  {
    name: 'stream',
    title: 'stream: 500 at a time, 100 chunks each, one every 20 ms',
    unit: 'chunk',
    path: '/v1/chat/completions',
    body: chat('gpt-4o', promptOfBytes(220), true),
    mock: { chunks: streamChunks, chunkIntervalMs: streamIntervalMs },
    connections: 500,
    warmUpMs: streamChunks * streamIntervalMs + 500,
    perSecond: null,
  },
  {
    name: 'burst',
    title: 'stream burst: 32 at a time, 100 chunks each, as fast as they go',
    unit: 'chunk',
    path: '/v1/chat/completions',
    body: chat('gpt-4o', promptOfBytes(220), true),
    mock: { chunks: streamChunks, chunkIntervalMs: 0 },
    connections: 32,
    warmUpMs: 1500,
    perSecond: null,
  },
  {
    name: 'large-prompt',
    title: 'large prompt: 200 KB in, 1.4 KB out, 16 connections',
    unit: 'request',
    path: '/v1/chat/completions',
    body: chat('gpt-4o', promptOfBytes(200_000), false),
    mock: { chunks: 30, chunkIntervalMs: 20 },
    connections: 16,
    warmUpMs: 1500,
    perSecond: 200,
  },
  {
    name: 'large-answer',
    title: 'large answer: 0.3 KB in, 200 KB out, 16 connections',
    unit: 'request',
    path: '/v1/chat/completions',
    body: chat('mock-size-200000', promptOfBytes(220), false),
    mock: { chunks: 30, chunkIntervalMs: 20 },
    connections: 16,
    warmUpMs: 1500,
    perSecond: 200,
  },
  {
    name: 'embeddings',
    title: 'embeddings: 0.3 KB in, 100 KB out, 16 connections',
    unit: 'request',
    path: '/v1/embeddings',
    body: JSON.stringify({
      model: 'text-embedding-3-large',
      input: promptOfBytes(220),
      dimensions: 7900,
      encoding_format: 'float',
    }),
    mock: { chunks: 30, chunkIntervalMs: 20 },
    connections: 16,
    warmUpMs: 1500,
    perSecond: 200,
  },
  {
    ...small,
    name: 'tls',
    title: 'small chat to a TLS upstream: 0.3 KB in, 1.4 KB out, 64 connections',
    upstream: 'tls',
    perSecond: 1000,
  },
  {
    ...small,
    name: 'fast',
    title: 'small chat to an upstream as fast as nginx: 0.3 KB in, 1.4 KB out, 64 connections',
    upstream: 'nginx',
  },
];

export const defaultScenarios: readonly string[] = ['small', 'stream'];

/** A chat request whose prompt has this many bytes. */
export function chatOfBytes(model: string, bytes: number): string {
  return chat(model, promptOfBytes(bytes), false);
}

function chat(model: string, prompt: string, stream: boolean): string {
  return JSON.stringify({ model, messages: [{ role: 'user', content: prompt }], stream });
}

/** Prose with line breaks and quotes, like real prompts. */
function promptOfBytes(bytes: number): string {
  const line = 'Summarise the report, then answer: "what would you do?"\n';
  return line.repeat(Math.ceil(bytes / line.length)).slice(0, bytes);
}
