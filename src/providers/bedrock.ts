import type { Provider } from '../config/configuration.js';
import { betasOn } from '../dialects/anthropic/betas.js';
import { hostedBody } from '../dialects/anthropic/hosted-body.js';
import { messagesOnBedrock } from '../dialects/bedrock/dialects.js';
import { noQuirks } from '../dialects/codec.js';
import type { Hosted, ProviderKind } from './kind.js';
import { isDotSegment, pathSegment } from './path-segment.js';
import { type AwsKeys, signAws } from './sigv4.js';

/**
 * Amazon Bedrock. Conversations are asked by Converse, except that clients of Anthropic's messages
 * reach Claude by InvokeModel, with their own bytes. `api_key` is a Bedrock API key, sent as the
 * bearer token, or `ACCESS_KEY_ID:SECRET_ACCESS_KEY[:SESSION_TOKEN]`, by which requests are signed.
 */
export const bedrock: ProviderKind = {
  defaultBase: ({ region }) => `https://bedrock-runtime.${region ?? defaultRegion}.amazonaws.com`,
  path(_provider, base, { dialect: { name } }, model, stream) {
    const operation = operationOf(name, model, stream);
    if (operation === null || isDotSegment(model)) return null;
    return `${base}/model/${pathSegment(model)}/${operation}`;
  },
  listPath: (_provider, base) => `${base}/foundation-models`,
  headers: (provider) => (keysOf(provider) ? [] : ['authorization', `Bearer ${provider.api_key}`]),
  defaults: [],
  quirks: () => noQuirks,
  sign(provider) {
    const keys = keysOf(provider);
    return keys && signAws(keys, { region: regionOf(provider), service: 'bedrock' });
  },
  hosted: ({ dialect: { name } }) => (name === 'anthropic.messages' ? invoked : null),
};

const defaultRegion = 'us-east-1';

function operationOf(dialect: string, model: string, stream: boolean): string | null {
  switch (dialect) {
    case 'bedrock.converse':
      return stream ? 'converse-stream' : 'converse';
    case 'anthropic.messages':
      // Names of regions and of profiles may come before it.
      if (!/(^|[./])anthropic\.claude/.test(model)) return null;
      return stream ? 'invoke-with-response-stream' : 'invoke';
    case 'bedrock.titan-embed':
      return /(^|[./])amazon\.titan-embed/.test(model) ? 'invoke' : null;
    case 'bedrock.cohere-embed':
      return /(^|[./])cohere\.embed/.test(model) ? 'invoke' : null;
    default:
      return null;
  }
}

const invoked: Hosted = {
  dialect: messagesOnBedrock,
  carry(body, header) {
    const betas = betasOn('bedrock', header);
    const own = {
      anthropic_version: 'bedrock-2023-05-31',
      ...(betas.length > 0 && { anthropic_beta: betas }),
    };
    const left = ['model', 'stream', ...Object.keys(own)];
    return { body: hostedBody(body, own, left), headers: [] };
  },
};

function keysOf({ api_key, provider_params: { fetched } }: Provider): AwsKeys | null {
  if (fetched && 'accessKeyId' in fetched) return fetched;
  const [accessKeyId = '', secretAccessKey, ...token] = api_key.split(':');
  if (!secretAccessKey) return null;
  return { accessKeyId, secretAccessKey, sessionToken: token.join(':') || null };
}

/** The region that is set, else that of the address. */
export function regionOf({ api_base, provider_params: { region } }: Provider): string {
  const found = /(?:^|\.)bedrock-runtime(?:-fips)?\.([a-z0-9-]+)\./.exec(
    new URL(api_base).hostname,
  );
  return region ?? found?.[1] ?? defaultRegion;
}
