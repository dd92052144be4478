import { JsonSyntaxError, type Span } from '../body/body-scanner.js';
import { hasEscapedLetters } from '../body/escaped-letters.js';
import { membersWithin, spansAt } from '../body/members-within.js';
import type { NamedModel } from '../dialect.js';

/** Places of models in the settings of a realtime session. */
const sessionPlaces = [
  ['session', 'model'],
  ['session', 'audio', 'input', 'transcription', 'model'],
  ['session', 'input_audio_transcription', 'model'],
  ['input_audio_transcription', 'model'],
] as const;

/**
 * The models that a realtime session's settings name: its own, and the one that transcribes.
 * @param text JSON, of a request or an event of the client; anything else names none.
 * @throws GatewayError `invalid_request` for a key that only differs in its case.
 */
export function sessionModels(text: Buffer): NamedModel[] {
  return sessionPlaces.flatMap((path) => namedAt(text, spansIn(text, path), path.join('.')));
}

/** The models of a request's tools, as those that make images have one of their own. */
export function toolModels(body: Buffer): NamedModel[] {
  if (!body.includes('image_generation') && !hasEscapedLetters(body)) return [];
  const spans = spansIn(body, ['tools']).flatMap((tools) => membersWithin(body, tools, 'model'));
  return namedAt(body, spans, 'tools');
}

function spansIn(text: Buffer, path: readonly string[]): Span[] {
  try {
    return spansAt(text, { start: 0, end: text.length }, path);
  } catch (error) {
    if (error instanceof JsonSyntaxError) return [];
    throw error;
  }
}

function namedAt(text: Buffer, spans: readonly Span[], param: string): NamedModel[] {
  return spans.flatMap(({ start, end }) => {
    const model: unknown = JSON.parse(text.toString('utf8', start, end));
    return typeof model === 'string' ? [{ model, param }] : [];
  });
}
