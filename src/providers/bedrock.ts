import type { Provider } from '../config/configuration.js';
import { betasOn } from '../dialects/anthropic/betas.js';
import { hostedBody } from '../dialects/anthropic/hosted-body.js';
import { countTokensOnBedrock, messagesOnBedrock } from '../dialects/bedrock/dialects.js';
import { BodyScanner } from '../dialects/body/body-scanner.js';
import { noQuirks } from '../dialects/codec.js';
import { countAt, isObject } from '../dialects/conversation/read.js';
import { memberOf } from '../dialects/head.js';
import type { Hosted, ProviderKind } from './kind.js';
import { isDotSegment, pathSegment } from './path-segment.js';
import { type AwsKeys, signAws } from './sigv4.js';

/**
 * Amazon Bedrock. Conversations use Converse, except that clients of Anthropic's messages reach
 * Claude by InvokeModel, with their own bytes. `api_key` is a Bedrock API key, sent as the bearer
 * token, or `ACCESS_KEY_ID:SECRET_ACCESS_KEY[:SESSION_TOKEN]`, which signs requests.
 */
export const bedrock: ProviderKind = {
  defaultBase: ({ region }) => `https://bedrock-runtime.${region ?? defaultRegion}.amazonaws.com`,
  path(_provider, base, { dialect: { name } }, model, stream) {
    const operation = operationOf(name, model, stream);
    if (operation === null || isDotSegment(model)) return null;
    // CountTokens takes the ids of models, not of profiles, which hold one.
    const id = operation === 'count-tokens' ? model.replace(/^.*[./](?=anthropic\.)/, '') : model;
    return `${base}/model/${pathSegment(id)}/${operation}`;
  },
  listPath: (_provider, base) => `${base}/foundation-models`,
  headers: (provider) => (keysOf(provider) ? [] : ['authorization', `Bearer ${provider.api_key}`]),
  defaults: [],
  quirks: () => noQuirks,
  sign(provider) {
    const keys = keysOf(provider);
    return keys && signAws(keys, { region: regionOf(provider), service: 'bedrock' });
  },
  hosted: ({ dialect: { name } }) =>
    name === 'anthropic.messages' ? invoked : name === 'anthropic.count_tokens' ? counted : null,
};

const defaultRegion = 'us-east-1';

function operationOf(dialect: string, model: string, stream: boolean): string | null {
  switch (dialect) {
    case 'bedrock.converse':
      return stream ? 'converse-stream' : 'converse';
    case 'anthropic.messages':
      if (!isClaude(model)) return null;
      return stream ? 'invoke-with-response-stream' : 'invoke';
    case 'anthropic.count_tokens':
      return isClaude(model) ? 'count-tokens' : null;
    case 'bedrock.titan-embed':
      return /(^|[./])amazon\.titan-embed/.test(model) ? 'invoke' : null;
    case 'bedrock.cohere-embed':
      return /(^|[./])cohere\.embed/.test(model) ? 'invoke' : null;
    default:
      return null;
  }
}

/** Names of regions and of profiles may come before it. */
function isClaude(model: string): boolean {
  return /(^|[./])anthropic\.claude/.test(model);
}

const invoked: Hosted = {
  dialect: messagesOnBedrock,
  carry: (body, betas) => ({ body: invokedBody(body, betas), headers: [] }),
};

const counted: Hosted = {
  dialect: countTokensOnBedrock,
  carry(body, betas) {
    const asked = invokedBody(body, betas, { max_tokens: mostTokens(body) });
    const input = { invokeModel: { body: asked.toString('base64') } };
    return { body: Buffer.from(JSON.stringify({ input })), headers: [] };
  },
};

function invokedBody(body: Buffer, header: string, more: object = {}): Buffer {
  const betas = betasOn('bedrock', header);
  const own = {
    anthropic_version: 'bedrock-2023-05-31',
    ...(betas.length > 0 && { anthropic_beta: betas }),
    ...more,
  };
  return hostedBody(body, own, ['model', 'stream', ...Object.keys(own)]);
}

/** InvokeModel requires a maximum, which must be above the budget of thinking. */
function mostTokens(body: Buffer): number {
  const scanner = new BodyScanner(new Set(['thinking']));
  scanner.push(body);
  const thinking = memberOf(body, 'thinking', scanner.finish().get('thinking'));
  return 1 + (isObject(thinking) ? countAt(thinking, 'budget_tokens') : 0);
}

function keysOf({ api_key, provider_params: { fetched } }: Provider): AwsKeys | null {
  if (fetched && 'accessKeyId' in fetched) return fetched;
  const [accessKeyId = '', secretAccessKey, ...token] = api_key.split(':');
  if (!secretAccessKey) return null;
  return { accessKeyId, secretAccessKey, sessionToken: token.join(':') || null };
}

/** The configured region, else the one in the address. */
export function regionOf({ api_base, provider_params: { region } }: Provider): string {
  const found = /(?:^|\.)bedrock-runtime(?:-fips)?\.([a-z0-9-]+)\./.exec(
    new URL(api_base).hostname,
  );
  return region ?? found?.[1] ?? defaultRegion;
}
