import type { Settings } from '../config/settings-schema.js';
import { GatewayError } from '../errors.js';
import type { Exchange } from '../server/exchange.js';
import { BodyScanner, JsonSyntaxError, type Span } from './body-scanner.js';
import type { Watchdog } from './watchdog.js';

/** A request for a model: the client's own bytes, and the few members that the gateway reads. */
export interface ModelRequest {
  readonly body: Buffer;
  readonly model: string;
  readonly stream: boolean;
  /** Where the model's name is in the body, with its quotes. */
  readonly modelSpans: readonly Span[];
  /** What makes a stream report its usage; null when the client asked for it, or it is no stream. */
  readonly usageEdit: Edit | null;
}

/** Bytes that take the place of others. */
export interface Edit extends Span {
  bytes: Buffer;
}

const wanted = new Set(['model', 'stream', 'stream_options']);

/** No model has a longer name; what is kept and logged by name stays small. */
const maxModelLength = 1_024;
/** Of a value that is parsed here, and so must not be one that holds up other requests. */
const maxValueBytes = 65_536;

/**
 * Reads the request body, looking into it as it arrives.
 * @throws GatewayError `request_too_large`, `invalid_json`, `invalid_request`,
 *   `unsupported_encoding`, `request_timeout`; AbortedError.
 */
export async function parse(
  exchange: Exchange,
  { max_body_bytes, body_timeout_ms }: Settings['server'],
  watchdog: Watchdog,
): Promise<ModelRequest> {
  const encoding = exchange.header('content-encoding');
  if (encoding !== '' && encoding !== 'identity') {
    throw new GatewayError(
      'unsupported_encoding',
      `Request bodies encoded with ${encoding} are not accepted; send the body as it is.`,
      { headers: { 'accept-encoding': 'identity' } },
    );
  }
  const scanner = new BodyScanner(wanted);
  let failure: unknown = null;
  try {
    const reading = exchange.readBody(max_body_bytes, (piece) => {
      // Thrown from here it would reach the engine, not the request.
      try {
        if (failure === null) scanner.push(piece);
      } catch (error) {
        failure = error;
      }
    });
    const body = await watchdog.within(
      reading,
      body_timeout_ms,
      () =>
        new GatewayError(
          'request_timeout',
          `The request body did not arrive within ${body_timeout_ms} ms.`,
        ),
    );
    if (failure !== null) throw failure;
    return modelRequest(body, scanner.finish());
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw new GatewayError('invalid_json', `The request body is not valid JSON: ${error.message}.`);
  }
}

/**
 * The body as it is sent to a provider: only the model's name changes, and, with `askUsage`, what
 * asks for the usage of a stream.
 */
export function bodyFor(request: ModelRequest, model: string, askUsage: boolean): Buffer {
  const edits: Edit[] = [];
  // Of a key that occurs twice a provider may take the first, which was not authorized.
  if (model !== request.model || request.modelSpans.length > 1) {
    const bytes = Buffer.from(JSON.stringify(model));
    for (const span of request.modelSpans) edits.push({ ...span, bytes });
  }
  if (askUsage && request.usageEdit) edits.push(request.usageEdit);
  return edits.length === 0 ? request.body : edited(request.body, edits);
}

function edited(body: Buffer, edits: Edit[]): Buffer {
  const parts: Buffer[] = [];
  let position = 0;
  for (const { start, end, bytes } of edits.sort((a, b) => a.start - b.start)) {
    parts.push(body.subarray(position, start), bytes);
    position = end;
  }
  parts.push(body.subarray(position));
  return Buffer.concat(parts);
}

function modelRequest(body: Buffer, spans: ReadonlyMap<string, readonly Span[]>): ModelRequest {
  const modelSpans = spans.get('model') ?? [];
  const model = lastValue(body, 'model', modelSpans);
  if (model === undefined) throw invalid('model', 'You must provide a model parameter.');
  if (typeof model !== 'string' || model === '') {
    throw invalid('model', 'The model must be a string that is not empty.');
  }
  if (model.length > maxModelLength) {
    throw invalid('model', `The model's name is longer than ${maxModelLength} characters.`);
  }
  const stream = lastValue(body, 'stream', spans.get('stream')) ?? false;
  if (typeof stream !== 'boolean') throw invalid('stream', 'stream must be true or false.');
  const usageEdit = stream ? usageEditOf(body, spans.get('stream_options')) : null;
  return { body, model, stream, modelSpans, usageEdit };
}

/** Adds `include_usage` to `stream_options`, which is made where it is not; see `usageEdit`. */
function usageEditOf(body: Buffer, spans: readonly Span[] | undefined): Edit | null {
  const span = spans?.[spans.length - 1];
  if (!span) {
    const start = body.indexOf('{') + 1;
    const bytes = Buffer.from('"stream_options":{"include_usage":true},');
    return { start, end: start, bytes };
  }
  const options = lastValue(body, 'stream_options', spans);
  if (options !== null && typeof options !== 'object') return null;
  if (options && 'include_usage' in options && options.include_usage === true) return null;
  return { ...span, bytes: Buffer.from(JSON.stringify({ ...options, include_usage: true })) };
}

/** As JSON.parse does, of a key that occurs twice the last counts. */
function lastValue(body: Buffer, name: string, spans: readonly Span[] | undefined): unknown {
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

function invalid(param: string, message: string): GatewayError {
  return new GatewayError('invalid_request', message, { param });
}
