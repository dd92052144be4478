import type { Provider } from '../config/configuration.js';
import { betasOn } from '../dialects/anthropic/betas.js';
import { countTokens, messages } from '../dialects/anthropic/dialects.js';
import { writeMessagesError } from '../dialects/anthropic/error.js';
import { hostedBody } from '../dialects/anthropic/hosted-body.js';
import { noQuirks } from '../dialects/codec.js';
import { isObject } from '../dialects/conversation/read.js';
import type { AnsweredDialect } from '../dialects/dialect.js';
import { parsedJson } from '../dialects/errors/answer-error.js';
import { countTokens as countGeminiTokens } from '../dialects/gemini/dialect.js';
import { readGenerateError } from '../dialects/gemini/error.js';
import { asProto } from '../dialects/gemini/proto.js';
import type { Hosted, ProviderKind } from './kind.js';
import { isDotSegment, pathSegment } from './path-segment.js';

/**
 * Google Cloud's Vertex AI: Gemini's models in Gemini's API, Claude's in Anthropic's, open models
 * (`…-maas`) in OpenAI's. `api_key` is
 * the JSON of a service account or of workload identity federation, for which the control process
 * fetches tokens; else an access token (`ya29.…`) or an API key.
 */
export const vertex: ProviderKind = {
  defaultBase({ location = defaultLocation }) {
    const host =
      location === 'global'
        ? 'aiplatform.googleapis.com'
        : /^(us|eu)$/.test(location)
          ? `aiplatform.${location}.rep.googleapis.com`
          : `${location}-aiplatform.googleapis.com`;
    return `https://${host}/v1`;
  },
  path(provider, base, { dialect: { name }, path }, model, stream) {
    if (isDotSegment(model)) return null;
    // Open models are served by an endpoint of OpenAI's APIs, which names them in the body.
    if (model.endsWith('-maas')) {
      const isServed = provider.provider_params.project !== undefined && openApis.has(name);
      return isServed ? `${modelsPath(provider, base)}/endpoints/openapi${path}` : null;
    }
    const maker = /(^|\/)claude/.test(model) ? 'anthropic' : 'google';
    if (name === 'gemini.live') {
      const own = path.startsWith('/ws/google.cloud.') ? path : livePath;
      return maker === 'google' ? base.replace(/\/v1(?:beta1)?$/, '') + own : null;
    }
    const at = `${modelsPath(provider, base)}/publishers/${maker}/models`;
    const short = model.replace(/^(publishers\/\w+\/)?models\//, '');
    // Versions of Claude follow an `@`, which needs no encoding.
    const named = `${at}/${pathSegment(short).replaceAll('%40', '@')}`;
    if (maker === 'google') {
      if (!(isEmbedding(short) ? embeds(short, name, path) : speaks.has(name))) return null;
      return `${named}${path || (stream ? ':streamGenerateContent?alt=sse' : ':generateContent')}`;
    }
    if (name === 'anthropic.count_tokens') return `${at}/count-tokens:rawPredict`;
    if (name !== 'anthropic.messages') return null;
    return `${named}${stream ? ':streamRawPredict' : ':rawPredict'}`;
  },
  sessionModel(provider, model) {
    const short = model.replace(/^(publishers\/\w+\/)?models\//, '');
    return `${modelsPath(provider, '')}/publishers/google/models/${short}`.replace(/^\//, '');
  },
  listPath: (_provider, base) => `${base.replace(/\/v1$/, '/v1beta1')}/publishers/google/models`,
  headers({ api_key, provider_params: { fetched } }) {
    if (fetched && 'bearer' in fetched) return ['authorization', `Bearer ${fetched.bearer}`];
    if (api_key.startsWith('ya29.')) return ['authorization', `Bearer ${api_key}`];
    return ['x-goog-api-key', api_key];
  },
  defaults: [],
  quirks: () => ({ ...noQuirks, oldMaxTokens: true }),
  hosted: ({ dialect: { name } }) =>
    Object.hasOwn(carried, name) ? (carried[name] ?? null) : null,
};

const defaultLocation = 'us-central1';

/** For clients of Gemini's. */
const livePath = '/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent';

const openApis: ReadonlySet<string> = new Set(['openai.chat', 'openai.embeddings']);

const speaks: ReadonlySet<string> = new Set(['gemini.generate', 'gemini.count_tokens']);

function isEmbedding(model: string): boolean {
  return /embedding/.test(model);
}

/** Gemini's models since the second have `embedContent`, for one content; all before, `:predict`. */
function embeds(model: string, dialect: string, path: string): boolean {
  const isNew = /gemini-embedding-(?!001)/.test(model);
  return isNew ? path === ':embedContent' : dialect === 'vertex.predict';
}

/** Express mode, with an API key, has no projects. */
function modelsPath({ provider_params: { project, location } }: Provider, base: string): string {
  if (project === undefined) return base;
  const [at, of] = [location ?? defaultLocation, project].map(encodeURIComponent);
  return `${base}/projects/${of}/locations/${at}`;
}

function hosted(dialect: AnsweredDialect, left: readonly string[]): Hosted {
  const own = { anthropic_version: 'vertex-2023-10-16' };
  return {
    dialect: { ...dialect, ownError },
    carry(body, header) {
      const betas = betasOn('vertex', header).join(',');
      return {
        body: hostedBody(body, own, [...left, ...Object.keys(own)]),
        headers: betas === '' ? [] : ['anthropic-beta', betas],
      };
    },
  };
}

const carried: Readonly<Record<string, Hosted>> = {
  'anthropic.messages': hosted(messages, ['model']),
  // The path names no model.
  'anthropic.count_tokens': hosted(countTokens, []),
  'gemini.count_tokens': {
    dialect: countGeminiTokens,
    carry: (body) => ({ body: countedBody(body), headers: [] }),
  },
};

/** The parts of a request that Vertex AI counts; it takes no `generateContentRequest`. */
function countedBody(body: Buffer): Buffer {
  const sent = parsedJson(body.toString());
  const inner = isObject(sent) ? asProto(sent, '').generateContentRequest : null;
  if (!isObject(inner)) return body;
  const { contents, systemInstruction, tools, generationConfig } = asProto(inner, '');
  return Buffer.from(JSON.stringify({ contents, systemInstruction, tools, generationConfig }));
}

/** Errors of Google itself, such as quotas, have their own shape. */
function ownError(body: Buffer, status: number): string {
  const error = parsedJson(body.toString());
  if (isObject(error) && error.type === 'error') return body.toString();
  return writeMessagesError(readGenerateError(body, status));
}
