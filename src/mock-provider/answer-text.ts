import type { Exchange } from '../server/exchange.js';
import { makeAnswer, type TextKind } from './answer.js';
import { type Ask, readAsk } from './ask.js';
import type { Behaviour } from './options.js';
import { playStream, waitFor } from './play-stream.js';
import {
  done,
  type FullBody,
  renderFull,
  renderStream,
  type StreamBody,
  usageEvent,
} from './render.js';
import { headersOf } from './stats.js';
import { steer } from './steer.js';
import { chunksBeforeCut, type Steering, slowIntervalMs, steeringOf } from './steering.js';
import { textOfBytes } from './text.js';

export type TextAnswers = (exchange: Exchange, kind: TextKind, body: Buffer) => Promise<void>;

/**
 * Answers requests for text with this behaviour. Answers that depend only on endpoint and model
 * are rendered once.
 */
export function createTextAnswers(behaviour: Behaviour, headers: readonly string[]): TextAnswers {
  const { latencyMs, chunks, chunkIntervalMs } = behaviour;
  const jsonHeaders = ['content-type', 'application/json', ...headers];
  const streamHeaders = [
    'content-type',
    'text/event-stream; charset=utf-8',
    'cache-control',
    'no-cache',
    ...headers,
  ];
  const fullBodies = createCache<FullBody>();
  const streamBodies = createCache<StreamBody>();

  return async (exchange, kind, body) => {
    const ask = readAsk(body, kind === 'chat' ? 'messages' : 'prompt');
    const steering = steeringOf(ask.model);
    if (steering !== null && (await steer(exchange, steering))) {
      return;
    }
    const text = textFor(steering, exchange, body);
    const answer = () => makeAnswer(kind, ask, chunks, text);
    const key = isOrdinary(ask) && steering?.kind !== 'echo' ? `${kind} ${ask.model}` : null;
    if (ask.stream) {
      const stream = streamBodies(key, () => renderStream(answer()));
      await playStream(exchange, {
        headers: streamHeaders,
        chunks: chunksOf(stream, kind, ask, steering),
        latencyMs,
        intervalMs:
          steering?.kind === 'slow-stream'
            ? Math.max(slowIntervalMs, chunkIntervalMs)
            : chunkIntervalMs,
        end: steering?.kind !== 'cut-stream',
      });
      if (steering?.kind === 'cut-stream') {
        await cut(exchange);
      }
      return;
    }
    const full = fullBodies(key, () => renderFull(answer()))(ask.promptTokens);
    await waitFor(exchange, latencyMs);
    if (steering?.kind === 'cut-stream') {
      exchange.writeHead(200, jsonHeaders);
      exchange.write(full.subarray(0, full.length / 2));
      await cut(exchange);
    } else {
      exchange.respond(200, jsonHeaders, full);
    }
  };
}

/** Closes the connection after a moment, so that the bytes written before still arrive. */
async function cut(exchange: Exchange): Promise<void> {
  await waitFor(exchange, cutAfterMs);
  exchange.destroy();
}

const cutAfterMs = 20;

/** True where the answer depends only on the endpoint and the model. */
function isOrdinary({ choices, maxTokens, toolCall, structured }: Ask): boolean {
  return choices === 1 && maxTokens === Infinity && toolCall === null && structured === null;
}

/** The text that the model's name asks for; null for the default. */
function textFor(steering: Steering | null, exchange: Exchange, body: Buffer): string | null {
  switch (steering?.kind) {
    case 'size':
      return textOfBytes(steering.bytes);
    case 'echo': {
      const { method, path, query } = exchange;
      const bodyText = body.toString();
      return JSON.stringify({
        method,
        path,
        query,
        headers: headersOf(exchange),
        body: JSON.parse(bodyText),
        body_text: bodyText,
      });
    }
    default:
      return null;
  }
}

function chunksOf(
  { chunks, finish, completionTokens }: StreamBody,
  kind: TextKind,
  { model, includeUsage, promptTokens }: Ask,
  steering: Steering | null,
): readonly Buffer[] {
  if (steering?.kind === 'cut-stream') {
    return chunks.slice(0, chunksBeforeCut);
  }
  const usage = includeUsage ? usageEvent(kind, model, promptTokens, completionTokens) : '';
  const last = Buffer.concat([
    chunks.at(-1) ?? Buffer.alloc(0),
    Buffer.from(finish + usage + done),
  ]);
  return [...chunks.slice(0, -1), last];
}

const maxCached = 64;

/** Caches a value per key; the null key is not cached. */
function createCache<T>(): (key: string | null, make: () => T) => T {
  const made = new Map<string, T>();
  return (key, make) => {
    const known = key === null ? undefined : made.get(key);
    if (known !== undefined) {
      return known;
    }
    const value = make();
    if (key !== null) {
      if (made.size === maxCached) {
        made.clear();
      }
      made.set(key, value);
    }
    return value;
  };
}
