import type { Dialect } from '../../dialects/dialect.js';
import type { ModelEndpoint } from '../../dialects/endpoint.js';
import { modelEndpoints } from '../../dialects/endpoints.js';
import type { ModelRequest } from '../../dialects/head.js';
import { estimateTokens } from '../../dialects/token-count/estimate.js';
import { readCounted } from '../../dialects/token-count/translate.js';
import { tokenCountCodecOf } from '../../dialects/translate/way-between.js';
import type { Exchange } from '../../server/exchange.js';
import { keptBody } from '../answer/body-keeper.js';
import type { Gateway } from '../gateway.js';
import type { RequestRecord } from '../record.js';
import { largeBytes } from '../translation/large-translations.js';
import type { Answer } from './planned-request.js';

/** By the name of a dialect of counting: where the conversations that it counts are asked. */
const conversations: ReadonlyMap<string, ModelEndpoint> = new Map(
  modelEndpoints.flatMap(({ dialect: { name } }) => {
    const counted = tokenCountCodecOf(name)?.conversation.dialect;
    const endpoint = modelEndpoints.find(({ dialect }) => dialect.name === counted);
    return endpoint ? [[name, endpoint] as const] : [];
  }),
);

/**
 * The endpoint of the conversations whose tokens are counted at another one; null where nothing is
 * counted.
 */
export function countedEndpoint({ name }: Dialect): ModelEndpoint | null {
  return conversations.get(name) ?? null;
}

/** True if the provider does not count tokens, or not those of this model. */
export function isUncounted({ dialect }: ModelEndpoint, { attempt }: Answer): boolean {
  if (!countedEndpoint(dialect)) return false;
  const { status } = attempt;
  if (status === 404 || status === 405 || status === 501) return true;
  // Bedrock counts for some models only.
  return status === 400 && attempt.says("doesn't support counting tokens");
}

/**
 * Answers with the gateway's own estimate of the tokens of a request.
 * @throws GatewayError `invalid_request` naming the field that cannot be read; AbortedError.
 */
export async function respondEstimate(
  { translations }: Gateway,
  exchange: Exchange,
  { dialect }: ModelEndpoint,
  { body, model }: ModelRequest,
  record: RequestRecord,
): Promise<void> {
  const codec = tokenCountCodecOf(dialect.name);
  if (!codec) throw new Error(`${dialect.name} does not count tokens`);
  const written =
    body.length < largeBytes
      ? codec.writeCount(estimateTokens(readCounted(codec, body, model)))
      : await translations.estimate(exchange, { body, model, dialect: dialect.name });
  const headers = ['content-type', 'application/json', 'x-request-id', record.requestId];
  if (dialect.requestIdHeader) headers.push(dialect.requestIdHeader, record.requestId);
  headers.push('x-llmproxy-estimated', 'true', 'x-llmproxy-attempts', String(record.attempts));
  record.candidate = null;
  record.answered(200);
  if (record.bodies) record.bodies.response = keptBody(Buffer.from(written));
  exchange.respond(200, headers, written);
}
