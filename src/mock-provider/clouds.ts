import { messagesCodec } from '../dialects/anthropic/messages-codec.js';
import { converseCodec } from '../dialects/bedrock/converse-codec.js';
import { writeFrame } from '../dialects/bedrock/event-stream.js';
import type { Codec, RequestPlace } from '../dialects/codec.js';
import { isObject } from '../dialects/conversation/read.js';
import type { EmbeddingCodec } from '../dialects/embeddings/codec.js';
import { embeddingCodecs } from '../dialects/embeddings/translate.js';
import { parsedJson } from '../dialects/errors/answer-error.js';
import { generateCodec } from '../dialects/gemini/generate-codec.js';
import { readEvents } from '../dialects/sse.js';
import { tokenCountCodecs } from '../dialects/token-count/codecs.js';
import { cohereCodec } from './cohere.js';
import { type Framing, promptTokensOf } from './conversations.js';
import { countBody } from './count-tokens.js';
import { ProviderError } from './provider-error.js';

/** An endpoint of another maker than OpenAI and Anthropic. */
export type CloudEndpoint =
  | { kind: 'conversation'; codec: Codec; place: RequestPlace; framing: Framing | null }
  | { kind: 'embedding'; codec: EmbeddingCodec; model: string }
  | { kind: 'token_count'; answerTo(body: Buffer): string };

/** The endpoint of Bedrock, Vertex AI, Gemini or Cohere at a path; null where there is none. */
export function cloudEndpoint(path: string): CloudEndpoint | null {
  return (
    bedrockEndpoint(path) ?? vertexEndpoint(path) ?? geminiEndpoint(path) ?? cohereEndpoint(path)
  );
}

function bedrockEndpoint(path: string): CloudEndpoint | null {
  const [, name, operation = ''] =
    /^\/model\/([^/]+)\/(converse|converse-stream|invoke|invoke-with-response-stream|count-tokens)$/.exec(
      path,
    ) ?? [];
  if (name === undefined) return null;
  const model = decodeURIComponent(name);
  if (operation === 'count-tokens') {
    return { kind: 'token_count', answerTo: (body) => invokeModelTokens(body, model) };
  }
  const place = { model, stream: operation.endsWith('-stream') };
  if (operation.startsWith('converse')) {
    return { kind: 'conversation', codec: converseCodec, place, framing: frames };
  }
  if (/titan-embed/.test(model)) {
    return { kind: 'embedding', codec: embeddingCodecs['bedrock.titan-embed'], model };
  }
  if (/cohere\.embed/.test(model)) {
    return { kind: 'embedding', codec: embeddingCodecs['bedrock.cohere-embed'], model };
  }
  return { kind: 'conversation', codec: messagesCodec, place, framing: framedEvents };
}

/** Bedrock's CountTokens takes ids of models of some makers, and no profiles. */
function invokeModelTokens(body: Buffer, model: string): string {
  if (!/^anthropic\.claude/.test(model)) {
    throw new ProviderError(400, "The provided model doesn't support counting tokens.");
  }
  const asked = parsedJson(body.toString());
  const input = isObject(asked) && isObject(asked.input) ? asked.input.invokeModel : null;
  if (!isObject(input) || typeof input.body !== 'string') {
    throw new ProviderError(400, 'input must hold the body of a call of invokeModel');
  }
  const bytes = Buffer.from(input.body, 'base64');
  const request = messagesCodec.readRequest(bytes, { model, stream: false });
  if (request.maxTokens === null) throw new ProviderError(400, 'max_tokens: Field required');
  return JSON.stringify({ inputTokens: promptTokensOf(request) });
}

function vertexEndpoint(path: string): CloudEndpoint | null {
  const [, name, verb = ''] =
    /^\/v1\/projects\/[^/]+\/locations\/[^/]+\/publishers\/(?:google|anthropic)\/models\/([^/]+):(\w+)$/.exec(
      path,
    ) ?? [];
  if (name === undefined) return null;
  if (verb === 'predict' || verb === 'embedContent') {
    const codec = embeddingCodecs[verb === 'predict' ? 'vertex.predict' : 'vertex.embed'];
    return { kind: 'embedding', codec, model: decodeURIComponent(name) };
  }
  if (verb === 'countTokens' || name === 'count-tokens') {
    const maker = name === 'count-tokens' ? 'anthropic' : 'gemini';
    const codec = tokenCountCodecs[`${maker}.count_tokens`];
    return { kind: 'token_count', answerTo: (body) => countBody(codec, body) };
  }
  const place = { model: decodeURIComponent(name), stream: verb.startsWith('stream') };
  const codec = /awPredict$/.test(verb) ? messagesCodec : generateCodec;
  return { kind: 'conversation', codec, place, framing: null };
}

function geminiEndpoint(path: string): CloudEndpoint | null {
  const [, name] = /^\/v1beta\/models\/([^/]+):batchEmbedContents$/.exec(path) ?? [];
  if (name === undefined) return null;
  const codec = embeddingCodecs['gemini.embed'];
  return { kind: 'embedding', codec, model: decodeURIComponent(name) };
}

/** The model is in the body. */
function cohereEndpoint(path: string): CloudEndpoint | null {
  const place = { model: '', stream: null };
  if (path === '/v2/chat')
    return { kind: 'conversation', codec: cohereCodec, place, framing: null };
  const codec = embeddingCodecs['cohere.embed'];
  return path === '/v2/embed' ? { kind: 'embedding', codec, model: '' } : null;
}

/** A codec that writes frames itself. */
const frames: Framing = {
  type: 'application/vnd.amazon.eventstream',
  frame: (piece) => [piece],
};

/** Each event of another dialect in a frame. */
const framedEvents: Framing = {
  type: frames.type,
  frame: (piece) =>
    readEvents(piece).map(({ data }) => {
      const bytes = Buffer.from(data).toString('base64');
      return writeFrame('event', 'chunk', JSON.stringify({ bytes, p: 'abc' }));
    }),
};
