import { GatewayError } from '../../errors.js';
import type { Attempt } from '../../upstream/attempt.js';
import { type Outcome, outcomeOfStatus } from '../../upstream/outcome.js';
import { UpstreamError } from '../../upstream/upstream-error.js';
import type { Translated } from './translate.js';

/**
 * Translates what there is of an answer that is ready, so that another provider can take the place of
 * one whose answer cannot be read: nothing has been sent to the client.
 * @param streams whether a stream was asked for.
 * @returns what is done about it, as for its status.
 * @throws UpstreamError `protocol`, whose cause is what the client is told.
 */
export function beginTranslated(
  attempt: Attempt,
  translated: Translated,
  streams: boolean,
): Outcome | null {
  const { status } = attempt;
  if (status >= 400) return outcomeOfStatus(status);
  if (attempt.stream !== streams) {
    const what = streams ? 'without the stream that was asked for' : 'with an unasked stream';
    throw unreadable(`The provider answered ${what}.`);
  }
  const { translation } = translated;
  if (streams) {
    const pipe = translation.stream();
    translated.begun = { pipe, first: pipe.push(attempt.takeHeld()) };
    // The client gets the content that came before the error.
    if (pipe.error && !pipe.hasContent) throw unreadable(pipe.error.message);
    return null;
  }
  // A long answer is still on its way.
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
