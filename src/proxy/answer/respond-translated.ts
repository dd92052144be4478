import { writeMessagesError } from '../../dialects/anthropic/error.js';
import { GatewayError } from '../../errors.js';
import type { AnswerHold, AnswerWatch } from '../../policies/policy.js';
import { AbortedError, type Exchange } from '../../server/exchange.js';
import { isStopped } from '../admission/stops.js';
import type { Answer, PlannedRequest } from '../attempts/planned-request.js';
import type { Translated } from '../attempts/translate.js';
import type { Gateway } from '../gateway.js';
import { passed } from '../policies/held-reader.js';
import type { RequestRecord } from '../record.js';
import { AnswerKeeper } from './answer-keeper.js';
import { keptBody } from './body-keeper.js';
import { respondInStream } from './early-head.js';
import { brokenAnswer } from './relay.js';
import { pushCost } from './request-cost.js';
import { StreamKeeper } from './stream-keeper.js';
import { translateAnswer, type WholeAnswer } from './translate-answer.js';
import { countTokens } from './translated-reader.js';

/** Larger than any whole answer, images included. */
const maxAnswerBytes = 67_108_864;

/**
 * Answers with a whole answer, or an error, in the client's dialect.
 * @throws GatewayError `upstream_failed`, `upstream_timeout`; AbortedError.
 */
export async function respondTranslated(
  gateway: Gateway,
  answer: Answer,
  translated: Translated,
  exchange: Exchange,
  headers: string[],
  { endpoint, request }: PlannedRequest,
  record: RequestRecord,
  holds: readonly AnswerHold[],
  watches: readonly AnswerWatch[],
): Promise<void> {
  const { attempt } = answer;
  const { status } = attempt;
  const { begun } = translated;
  const read = async () => {
    const body = attempt.ended
      ? attempt.takeHeld()
      : await wholeOf(gateway, answer, exchange, record);
    return translateAnswer(gateway, exchange, translated, record.provider ?? '', body, status);
  };
  const said: WholeAnswer = begun && 'said' in begun ? begun.said : await read();
  const isError = 'error' in said;
  // The errors of Anthropic's clients name the request.
  const isNamed = isError && endpoint.dialect.name.startsWith('anthropic.');
  const written = isNamed ? writeMessagesError(said.error, record.requestId) : said.body;
  const bytes = typeof written === 'string' ? Buffer.from(written) : written;
  if (!('error' in said)) {
    const whole = new AnswerKeeper();
    whole.add(bytes);
    // Providers charge for answers that a policy refuses, too.
    countTokens(record, request, said.usage, whole, endpoint.dialect);
  }
  const sent = await passed(isError ? [] : holds, bytes);
  record.status = 'error' in said ? said.status : status;
  if (record.bodies) record.bodies.response = keptBody(sent);
  if (!isError) pushCost(headers, record);
  for (const watch of watches) watch.push(sent);
  record.complete = !exchange.aborted;
  if (exchange.headSent) respondInStream(exchange, record, endpoint.dialect, sent);
  else exchange.respond(record.status, ['content-type', 'application/json', ...headers], sent);
}

/** No comment may precede the head. */
const noComments = { takesComments: false, requestIdHeader: null };
const silent = { pieces: 0, atEventEnd: false };

/**
 * Waits for the rest of an answer that must be complete before it is sent.
 * @throws GatewayError `upstream_failed`, `upstream_timeout`; AbortedError.
 */
export async function wholeOf(
  gateway: Gateway,
  answer: Answer,
  exchange: Exchange,
  record: RequestRecord,
): Promise<Buffer> {
  const { attempt } = answer;
  const stopped = () => isStopped(gateway, record);
  const { settings } = gateway;
  const keeper = new StreamKeeper(settings, answer, exchange, silent, record, noComments, stopped);
  gateway.watchdog.add(keeper);
  try {
    return await new Promise((resolve, reject) => {
      const pieces = [attempt.takeHeld()];
      let bytes = 0;
      attempt.read({
        onData(piece) {
          pieces.push(piece);
          bytes += piece.length;
          if (bytes > maxAnswerBytes) {
            reject(
              new GatewayError(
                'upstream_failed',
                `The provider "${record.provider}" answered with more than ${maxAnswerBytes} bytes.`,
              ),
            );
            attempt.abort();
          }
          return true;
        },
        onEnd: () => resolve(Buffer.concat(pieces)),
        onError: (error) =>
          reject(
            exchange.aborted ? new AbortedError() : (record.stopped ?? brokenAnswer(error, record)),
          ),
      });
    });
  } finally {
    gateway.watchdog.delete(keeper);
  }
}
