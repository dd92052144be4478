import { GatewayError } from '../../errors.js';
import type { Span } from '../body/body-scanner.js';
import { spansAt } from '../body/members-within.js';
import { isObject } from '../conversation/read.js';
import type { Dialect } from '../dialect.js';
import { parsedJson } from '../errors/answer-error.js';
import { jsonWith } from '../errors/no-answer.js';
import {
  alternativeMembers,
  alternativesIn,
  checkModel,
  type ModelRequest,
  memberOf,
  type Spans,
} from '../head.js';
import { realtime } from './dialects.js';
import { sessionModels } from './named-models.js';

/** Places of the model of a session; the first that is there counts. */
const modelPlaces = [
  ['session', 'model'],
  ['session', 'audio', 'input', 'transcription', 'model'],
  ['model'],
  ['input_audio_transcription', 'model'],
] as const;

/** Makes a key that lets a browser open one realtime session, which it describes. */
export const clientSecrets: Dialect = {
  ...realtime,
  name: 'openai.client_secrets',
  output: 'none',
  isAnswer: jsonWith('value|client_secret'),
  otherModels: sessionModels,
  members: new Set([...modelPlaces.map(([member]) => member), ...alternativeMembers]),
  readHead,
};

function readHead(body: Buffer, spans: Spans): ModelRequest {
  for (const [member, ...inner] of modelPlaces) {
    const modelSpans = (spans.get(member) ?? []).flatMap((span) => spansAt(body, span, inner));
    if (modelSpans.length === 0) continue;
    return {
      body,
      model: checkModel(memberOf(body, 'model', modelSpans)),
      stream: false,
      modelSpans,
      modelIn: 'body',
      usageEdit: null,
      alternatives: alternativesIn(spans),
      spans,
    };
  }
  const message = 'You must provide the model of the session.';
  throw new GatewayError('invalid_request', message, { param: 'session.model' });
}

/** A key for one session, in the answer of its provider. */
export interface IssuedSecret {
  value: string;
  /** Place of the value, with its quotes. */
  span: Span;
  /** Unix time, seconds. */
  expiresAt: number;
  /** True for a session that only transcribes: its connection names no model. */
  transcribes: boolean;
}

/** Null for an answer that holds none. */
export function issuedSecret(answer: Buffer): IssuedSecret | null {
  const body = parsedJson(answer.toString());
  if (!isObject(body)) return null;
  const { session, object, client_secret: inner } = body;
  const secret = isObject(inner) ? inner : body;
  const { value, expires_at: expiresAt } = secret;
  const path = secret === body ? ['value'] : ['client_secret', 'value'];
  const [span, another] = spansAt(answer, { start: 0, end: answer.length }, path);
  if (typeof value !== 'string' || typeof expiresAt !== 'number' || !span || another) return null;
  const type = isObject(session) ? session.type : object;
  return { value, span, expiresAt, transcribes: /transcription/.test(String(type)) };
}
