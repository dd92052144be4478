import { messagesCodec } from '../dialects/anthropic/messages-codec.js';
import { converseCodec } from '../dialects/bedrock/converse-codec.js';
import type { Codec } from '../dialects/codec.js';
import { kindOf } from '../dialects/errors/conversation-error.js';
import { generateCodec } from '../dialects/gemini/generate-codec.js';
import type { GatewayError } from '../errors.js';
import type { Exchange } from '../server/exchange.js';
import { cohereCodec } from './cohere.js';
import type { ProviderError } from './provider-error.js';

const errorCodecs: readonly [start: string, codec: Codec][] = [
  ['/v1/messages', messagesCodec],
  ['/v1beta/', generateCodec],
  ['/v1/projects/', generateCodec],
  ['/model/', converseCodec],
  ['/v2/', cohereCodec],
];

/** An error in the shape of the API that was asked. */
export function errorBody({ path }: Exchange, error: ProviderError | GatewayError): string {
  const codec = errorCodecs.find(([start]) => path.startsWith(start))?.[1];
  if (!codec) return error.toBody();
  const { status, message, code, param } = error;
  return codec.writeError({ kind: kindOf(status), status, message, code, param, retryAfter: null });
}
