import type { Exchange } from '../server/exchange.js';
import { AnswerReader } from './answer-reader.js';
import type { Answer, PlannedRequest } from './dispatch.js';
import type { Gateway } from './gateway.js';
import { answerHeaders } from './headers.js';
import { watchRest } from './reader-pace.js';
import type { RequestRecord } from './record.js';
import { relay } from './relay.js';
import { StreamKeeper } from './stream-keeper.js';

/** Relays a provider's answer, with what the gateway says of its own part, and reads its usage. */
export async function relayAnswer(
  gateway: Gateway,
  answer: Answer,
  exchange: Exchange,
  { endpoint, request }: PlannedRequest,
  record: RequestRecord,
): Promise<void> {
  const { attempt, hidesUsage } = answer;
  const readyMs = performance.now();
  record.stream = attempt.stream;
  record.firstTokenMs = readyMs - record.startMs;
  const headers = answerHeaders(attempt.headers, record.requestId);
  const { requestIdHeader } = endpoint.dialect;
  if (requestIdHeader !== null && attempt.headers[requestIdHeader] === undefined) {
    headers.push(requestIdHeader, record.requestId);
  }
  headers.push(
    'x-llmproxy-provider',
    record.provider ?? '',
    'x-llmproxy-attempts',
    String(record.attempts),
    'x-llmproxy-overhead-ms',
    (record.firstTokenMs - record.upstreamMs).toFixed(2),
  );
  const reader = new AnswerReader(endpoint.dialect, attempt, hidesUsage, record.bodies !== null);
  const relayed = relay(attempt, exchange, headers, record, reader);
  if (relayed) {
    const keeper = new StreamKeeper(gateway.settings, answer, exchange, reader, record);
    gateway.watchdog.add(keeper);
    await relayed;
    gateway.watchdog.delete(keeper);
  }
  watchRest(gateway, exchange);
  record.upstreamMs += performance.now() - readyMs;
  reader.finish(record, request);
}
