import { GatewayError } from '../../errors.js';
import type { Attempt } from '../../upstream/attempt.js';
import { type Outcome, outcomeOfStatus } from '../../upstream/outcome.js';
import { UpstreamError } from '../../upstream/upstream-error.js';
import type { Translated } from './translate.js';

/**
 * Translates the part of a ready answer that has arrived. Nothing has been sent to the client, so
 * another provider can replace one whose answer cannot be read.
 * @param streams whether a stream was requested.
 * @param requestId for the error of a stream that breaks.
 * @returns the outcome, as for a status.
 * @throws UpstreamError `protocol`, whose cause is the error for the client.
 */
export function beginTranslated(
  attempt: Attempt,
  translated: Translated,
  streams: boolean,
  requestId: string,
): Outcome | null {
  const { status } = attempt;
  if (status >= 400) return outcomeOfStatus(status);
  if (attempt.stream !== streams) {
    const what = streams ? 'without the stream that was asked for' : 'with an unasked stream';
    throw unreadable(`The provider answered ${what}.`);
  }
  const { translation } = translated;
  if (streams) {
    const pipe = translation.stream(requestId);
    translated.begun = { pipe, first: pipe.push(attempt.takeHeld()) };
    // The client gets the content that came before the error.
    if (pipe.error && !pipe.hasContent) throw unreadable(pipe.error.message);
    return null;
  }
  // The rest of a long answer is still arriving.
  if (!attempt.ended) return null;
  try {
    const said = translation.answer(attempt.takeHeld());
    translated.begun = { said };
    return 'error' in said ? outcomeOfStatus(said.status) : null;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    throw new UpstreamError('protocol', true, error);
  }
}

function unreadable(message: string): UpstreamError {
  return new UpstreamError('protocol', true, new GatewayError('upstream_failed', message));
}
