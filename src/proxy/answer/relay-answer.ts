import type { Dialect } from '../../dialects/dialect.js';
import { lastUsageAt } from '../../dialects/find-usage.js';
import type { TokenUsage } from '../../dialects/usage.js';
import type { AnswerHead, AnswerWatch } from '../../policies/policy.js';
import type { Exchange } from '../../server/exchange.js';
import { isStopped } from '../admission/stops.js';
import { answerHeaders, translatedHeaders } from '../attempts/headers.js';
import type { Answer, PlannedRequest } from '../attempts/planned-request.js';
import type { Gateway } from '../gateway.js';
import { HeldReader, WatchedReader } from '../policies/held-reader.js';
import type { RequestRecord } from '../record.js';
import { asksArray } from '../request/path-forms.js';
import { AnswerReader, type AnswerWatcher } from './answer-reader.js';
import { ArrayReader } from './array-reader.js';
import { CostReader } from './cost-reader.js';
import { relay } from './relay.js';
import { pushCost, shownCost } from './request-cost.js';
import { respondTranslated, wholeOf } from './respond-translated.js';
import { StreamKeeper } from './stream-keeper.js';
import { TranslatedReader } from './translated-reader.js';

/**
 * Relays a provider's answer with the gateway's own headers, and reads its usage.
 * @throws GatewayError, AbortedError: before its head is sent, where it is translated or a policy
 *   refuses it.
 */
export async function relayAnswer(
  gateway: Gateway,
  answer: Answer,
  exchange: Exchange,
  planned: PlannedRequest,
  record: RequestRecord,
): Promise<void> {
  const { attempt, translated } = answer;
  const { policies } = record;
  const { dialect } = planned.endpoint;
  const readyMs = performance.now();
  record.stream = attempt.stream;
  record.firstTokenMs = readyMs - record.startMs;
  const holds = policies ? policies.holds(headOf(answer)) : [];
  const watches: AnswerWatch[] = [];
  const needsWhole = holds.some(({ takesPieces }) => !takesPieces);
  if (needsWhole && !translated && !attempt.ended) {
    // A policy must see the whole answer before any of it is sent.
    attempt.edit(await wholeOf(gateway, answer, exchange, record));
  }
  const isArray =
    attempt.stream &&
    attempt.status < 400 &&
    dialect.name === 'gemini.generate' &&
    asksArray(exchange.query);
  const headers = translated
    ? translatedHeaders(attempt.headers, answer.dialect.requestIdHeader, record.requestId)
    : answerHeaders(
        isArray ? { ...attempt.headers, ...arrayType } : attempt.headers,
        record.requestId,
        record.reservation !== null,
      );
  if (record.reservation) {
    const limits = dialect.limitHeaders(record.reservation.states);
    for (const [name, value] of Object.entries(limits)) headers.push(name, value);
  }
  const { requestIdHeader } = dialect;
  if (requestIdHeader !== null && (translated || attempt.headers[requestIdHeader] === undefined)) {
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
  if (translated) {
    const { lost, tellsLosses } = translated;
    record.translation = { to: answer.dialect.name, lost };
    if (lost !== null && tellsLosses) headers.push('x-llmproxy-lost', lost);
  }
  const { cache } = record;
  if (cache) {
    headers.push('x-llmproxy-cache', cache.result);
    const { status, stream } = attempt;
    const lost = headers.includes('x-llmproxy-lost') ? (translated?.lost ?? null) : null;
    const beginning = { contentType: typeOf(answer, isArray), stream, lost };
    const ends = dialect.streamEnds ?? dialect.usualEnds ?? null;
    const isWanted = status === 200 && stream === planned.request.stream;
    const collected = isWanted && cache.collect(beginning, ends);
    if (collected) watches.push(collected);
  }
  const storesBody = record.bodies !== null;
  if (!translated) {
    const reader = new AnswerReader(dialect, attempt, answer.hidesUsage, storesBody);
    await passOn(reader, dialect.askedUsage);
  } else if (translated.begun && 'pipe' in translated.begun) {
    headers.push('content-type', typeOf(answer, isArray), 'cache-control', 'no-cache');
    const reader = new TranslatedReader(translated.begun.pipe, translated.begun.first, storesBody);
    // The client may read less of it than the provider reports.
    await passOn(reader, dialect.askedUsage && ((event) => lastUsageAt(event, () => reader.usage)));
  } else {
    await respondTranslated(
      gateway,
      answer,
      translated,
      exchange,
      headers,
      planned,
      record,
      holds,
      watches,
    );
  }
  record.upstreamMs += performance.now() - readyMs;

  async function passOn(events: AnswerWatcher, asked: Dialect['askedUsage']): Promise<void> {
    const held = holds.length > 0 ? new HeldReader(events, holds, dialect, storesBody) : events;
    const array = isArray ? new ArrayReader(held) : held;
    const watched = watches.length > 0 ? new WatchedReader(array, watches) : array;
    const reader = asked && tellsCost() ? new CostReader(watched, asked, costNow) : watched;
    let isRead = false;
    const relayed = relay(attempt, exchange, headers, record, reader, dialect, () => {
      isRead = true;
      reader.finish(record, planned.request);
      pushCost(headers, record);
    });
    if (relayed) {
      const stopped = () => isStopped(gateway, record);
      const { settings } = gateway;
      const keeper = new StreamKeeper(settings, answer, exchange, reader, record, dialect, stopped);
      gateway.watchdog.add(keeper);
      try {
        await relayed;
      } finally {
        gateway.watchdog.delete(keeper);
        // Providers charge for answers that a policy refuses, too.
        if (!isRead) reader.finish(record, planned.request);
      }
    } else if (!isRead) reader.finish(record, planned.request);
  }

  /** True if the client asked for the usage of its stream, and the model has a price. */
  function tellsCost(): boolean {
    const isAsked = attempt.stream && attempt.status < 400 && planned.request.usageEdit === null;
    return isAsked && (record.candidate?.prices()?.at(record.startedAt) ?? null) !== null;
  }

  function costNow(usage: TokenUsage): string | null {
    return shownCost(record, usage, record.upstreamMs + performance.now() - readyMs);
  }
}

const arrayType = { 'content-type': 'application/json; charset=UTF-8' };

function headOf({ attempt, translated }: Answer): AnswerHead {
  const { status, stream, headers } = attempt;
  // Only JSON and streams are translated.
  const type = translated ? '' : (headers['content-type'] ?? '');
  return { status, stream, contentType: type.toLowerCase() };
}

/** The media type for the client; empty: none. */
function typeOf({ attempt, translated }: Answer, isArray: boolean): string {
  if (isArray) return arrayType['content-type'];
  if (!translated) return attempt.headers['content-type'] ?? '';
  const isStream = translated.begun && 'pipe' in translated.begun;
  return isStream ? 'text/event-stream; charset=utf-8' : 'application/json';
}
