import { GatewayError } from '../errors.js';
import { JsonSyntaxError, type Span } from './body/body-scanner.js';
import type { RequestPlace } from './codec.js';

/** A request for a model: the client's own bytes, and the few members that the gateway reads. */
export interface ModelRequest {
  readonly body: Buffer;
  readonly model: string;
  readonly stream: boolean;
  /** Place of the model's name in the body, quotes included. */
  readonly modelSpans: readonly Span[];
  /** `none`: the body names no model, or a different one. */
  readonly modelIn: 'body' | 'path' | 'none';
  /**
   * The edit that makes a stream report its usage; null when the client asked for it, or it is no
   * stream.
   */
  readonly usageEdit: Edit | null;
  readonly spans: Spans;
  /** Places of further model names in the body; null: none. */
  readonly alternatives: Spans | null;
}

/** Members in which routers, such as OpenRouter and LiteLLM, accept alternative models. */
export const alternativeMembers = [
  'models',
  'fallbacks',
  'context_window_fallbacks',
  'content_policy_fallbacks',
  'route',
] as const;

/** Places of the values of top-level members, by name; a name may occur twice. */
export type Spans = ReadonlyMap<string, readonly Span[]>;

/** Bytes that replace others. */
export interface Edit extends Span {
  bytes: Buffer;
}

/** Longer names are refused, so that whatever is stored or logged by name stays small. */
const maxModelLength = 1_024;
/** Maximum size of a value that is parsed here: a larger one would delay other requests. */
const maxValueBytes = 65_536;

/**
 * Reads `model` and `stream`.
 * @param place the part of the request in its path, which wins over the body.
 * @param usageEditOf makes the edit of a stream where the dialect needs one.
 * @param defaultModel the model of a request that names none; null: it must name one.
 * @throws GatewayError `invalid_request`; JsonSyntaxError.
 */
export function readHead(
  body: Buffer,
  spans: Spans,
  place: RequestPlace,
  usageEditOf: ((body: Buffer, spans: Spans) => Edit | null) | null = null,
  defaultModel: string | null = null,
): ModelRequest {
  const modelSpans = spans.get('model') ?? [];
  const named = memberOf(body, 'model', modelSpans);
  const model = checkModel(place.model || (named ?? defaultModel ?? named));
  const stream = memberOf(body, 'stream', spans.get('stream')) ?? false;
  if (typeof stream !== 'boolean') throw invalid('stream', 'stream must be true or false.');
  const usageEdit = stream && usageEditOf ? usageEditOf(body, spans) : null;
  const modelIn = named === model ? 'body' : 'none';
  const alternatives = alternativesIn(spans);
  return { body, model, stream, modelSpans, modelIn, usageEdit, spans, alternatives };
}

/** These spans if they include one of `alternativeMembers`, else null. */
export function alternativesIn(spans: Spans): Spans | null {
  return alternativeMembers.some((name) => spans.has(name)) ? spans : null;
}

/** A model request whose body, if any, is not read here. */
export function requestWithout(model: string): ModelRequest {
  return {
    body: noBytes,
    model,
    stream: false,
    modelSpans: [],
    modelIn: 'none',
    usageEdit: null,
    alternatives: null,
    spans: new Map(),
  };
}

const noBytes = Buffer.alloc(0);

/** @throws GatewayError `invalid_request`. */
export function checkModel(model: unknown): string {
  if (model === undefined) throw invalid('model', 'You must provide a model parameter.');
  if (typeof model !== 'string' || model === '') {
    throw invalid('model', 'The model must be a string that is not empty.');
  }
  if (model.length > maxModelLength) {
    throw invalid('model', `The model's name is longer than ${maxModelLength} characters.`);
  }
  return model;
}

/**
 * The value of a member, undefined when absent. Of a duplicate key the last one counts, as with
 * JSON.parse.
 * @throws GatewayError `invalid_request` when it is too long; JsonSyntaxError.
 */
export function memberOf(body: Buffer, name: string, spans: readonly Span[] | undefined): unknown {
  const span = spans?.[spans.length - 1];
  if (!span) return undefined;
  if (span.end - span.start > maxValueBytes) {
    throw invalid(name, `${name} is longer than ${maxValueBytes} bytes.`);
  }
  try {
    return JSON.parse(body.toString('utf8', span.start, span.end));
  } catch {
    throw new JsonSyntaxError('a string is not valid', span.start);
  }
}

/**
 * The body for a provider of the same dialect: the client's own bytes, with only the model's name
 * replaced and, with `askUsage`, usage requested for a stream.
 */
export function bodyFor(request: ModelRequest, model: string, askUsage: boolean): Buffer {
  const { body, modelSpans, modelIn, usageEdit } = request;
  const edits: Edit[] = [];
  // A provider may use the first of two `model` members, or a default if there is none: neither was
  // authorized.
  const isNamed = modelIn === 'body' && model === request.model && modelSpans.length === 1;
  if (modelIn !== 'path' && !isNamed) {
    const bytes = Buffer.from(JSON.stringify(model));
    for (const span of modelSpans) edits.push({ ...span, bytes });
    if (modelSpans.length === 0) edits.push(memberAtStart(body, 'model', model));
  }
  if (modelIn === 'path' && model !== request.model) {
    // Gemini's embeddings repeat the path's model.
    const bytes = Buffer.from(JSON.stringify(`models/${model}`));
    for (const span of modelSpans) edits.push({ ...span, bytes });
  }
  if (askUsage && usageEdit) edits.push(usageEdit);
  return edits.length === 0 ? body : edited(body, edits);
}

/** Inserts a member missing from the body. */
export function memberAtStart(body: Buffer, name: string, value: unknown): Edit {
  const start = body.indexOf('{') + 1;
  const isEmpty = body.toString('latin1', start).trimStart().startsWith('}');
  const member = `${JSON.stringify(name)}:${JSON.stringify(value)}`;
  return { start, end: start, bytes: Buffer.from(isEmpty ? member : `${member},`) };
}

/** The body with these edits, which do not overlap. */
export function edited(body: Buffer, edits: Edit[]): Buffer {
  const parts: Buffer[] = [];
  let position = 0;
  for (const { start, end, bytes } of edits.sort((a, b) => a.start - b.start)) {
    parts.push(body.subarray(position, start), bytes);
    position = end;
  }
  parts.push(body.subarray(position));
  return Buffer.concat(parts);
}

function invalid(param: string, message: string): GatewayError {
  return new GatewayError('invalid_request', message, { param });
}
