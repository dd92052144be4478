import type { Exchange } from '../server/exchange.js';
import { AnswerReader } from './answer-reader.js';
import type { Answer } from './dispatch.js';
import { clientHeaders } from './headers.js';
import type { ModelRequest } from './parse.js';
import { relay } from './relay.js';
import type { RequestRecord } from './request-record.js';

/** Relays a provider's answer, with what the gateway says of its own part, and reads its usage. */
export async function relayAnswer(
  { attempt, hidesUsage }: Answer,
  exchange: Exchange,
  request: ModelRequest,
  record: RequestRecord,
): Promise<void> {
  const readyMs = performance.now();
  record.stream = attempt.stream;
  record.firstTokenMs = readyMs - record.startMs;
  const headers = clientHeaders(attempt.headers, record.requestId);
  headers.push(
    'x-llmproxy-provider',
    record.provider ?? '',
    'x-llmproxy-attempts',
    String(record.attempts),
    'x-llmproxy-overhead-ms',
    (record.firstTokenMs - record.upstreamMs).toFixed(2),
  );
  const reader = new AnswerReader(attempt, hidesUsage);
  await relay(attempt, exchange, headers, record, reader);
  record.upstreamMs += performance.now() - readyMs;
  reader.finish(record, request);
}
