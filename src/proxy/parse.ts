import { GatewayError } from '../errors.js';
import type { Exchange } from '../server/exchange.js';
import { BodyScanner, JsonSyntaxError, type Span } from './body-scanner.js';

/** A request for a model: the client's own bytes, and the few members that the gateway reads. */
export interface ModelRequest {
  readonly body: Buffer;
  readonly model: string;
  readonly stream: boolean;
  /** Where the model's name is in the body, with its quotes. */
  readonly modelSpans: readonly Span[];
}

const wanted = new Set(['model', 'stream']);

/**
 * Reads the request body, looking into it as it arrives.
 * @throws GatewayError `request_too_large`, `invalid_json`, `invalid_request`,
 *   `unsupported_encoding`; AbortedError.
 */
export async function parse(exchange: Exchange, maxBytes: number): Promise<ModelRequest> {
  const encoding = exchange.header('content-encoding');
  if (encoding !== '' && encoding !== 'identity') {
    throw new GatewayError(
      'unsupported_encoding',
      `Request bodies encoded with ${encoding} are not accepted; send the body as it is.`,
      { headers: { 'accept-encoding': 'identity' } },
    );
  }
  const scanner = new BodyScanner(wanted);
  const chunks: Buffer[] = [];
  try {
    await exchange.readBody(maxBytes, (chunk) => {
      chunks.push(chunk);
      scanner.push(chunk);
    });
    const body = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
    return modelRequest(body, scanner.finish());
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw new GatewayError('invalid_json', `The request body is not valid JSON: ${error.message}.`);
  }
}

/** The body with another model name: only those bytes change. */
export function withModel({ body, modelSpans }: ModelRequest, model: string): Buffer {
  const name = Buffer.from(JSON.stringify(model));
  const parts: Buffer[] = [];
  let position = 0;
  for (const { start, end } of modelSpans) {
    parts.push(body.subarray(position, start), name);
    position = end;
  }
  parts.push(body.subarray(position));
  return Buffer.concat(parts);
}

function modelRequest(body: Buffer, spans: ReadonlyMap<string, readonly Span[]>): ModelRequest {
  const modelSpans = spans.get('model') ?? [];
  const model = lastValue(body, modelSpans);
  if (model === undefined) throw invalid('model', 'You must provide a model parameter.');
  if (typeof model !== 'string' || model === '') {
    throw invalid('model', 'The model must be a string that is not empty.');
  }
  const stream = lastValue(body, spans.get('stream')) ?? false;
  if (typeof stream !== 'boolean') throw invalid('stream', 'stream must be true or false.');
  return { body, model, stream, modelSpans };
}

/** As JSON.parse does, of a key that occurs twice the last counts. */
function lastValue(body: Buffer, spans: readonly Span[] | undefined): unknown {
  const span = spans?.[spans.length - 1];
  if (!span) return undefined;
  try {
    return JSON.parse(body.toString('utf8', span.start, span.end));
  } catch {
    throw new JsonSyntaxError('a string is not valid', span.start);
  }
}

function invalid(param: string, message: string): GatewayError {
  return new GatewayError('invalid_request', message, { param });
}
