import { messagesCodec } from '../dialects/anthropic/messages-codec.js';
import { converseCodec } from '../dialects/bedrock/converse-codec.js';
import { writeFrame } from '../dialects/bedrock/event-stream.js';
import type { Codec, RequestPlace } from '../dialects/codec.js';
import type { EmbeddingCodec } from '../dialects/embeddings/codec.js';
import { embeddingCodecs } from '../dialects/embeddings/translate.js';
import { generateCodec } from '../dialects/gemini/generate-codec.js';
import { readEvents } from '../dialects/sse.js';
import type { Framing } from './conversations.js';

/** An endpoint whose path names the model. */
export type CloudEndpoint =
  | { kind: 'conversation'; codec: Codec; place: RequestPlace; framing: Framing | null }
  | { kind: 'embedding'; codec: EmbeddingCodec; model: string };

/** The endpoint of Bedrock, Vertex AI or Gemini at a path; null where there is none. */
export function cloudEndpoint(path: string): CloudEndpoint | null {
  return bedrockEndpoint(path) ?? vertexEndpoint(path) ?? geminiEndpoint(path);
}

function bedrockEndpoint(path: string): CloudEndpoint | null {
  const [, name, operation = ''] =
    /^\/model\/([^/]+)\/(converse|converse-stream|invoke|invoke-with-response-stream)$/.exec(
      path,
    ) ?? [];
  if (name === undefined) return null;
  const model = decodeURIComponent(name);
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

function vertexEndpoint(path: string): CloudEndpoint | null {
  const [, name, verb = ''] =
    /^\/v1\/projects\/[^/]+\/locations\/[^/]+\/publishers\/(?:google|anthropic)\/models\/([^/]+):(\w+)$/.exec(
      path,
    ) ?? [];
  if (name === undefined) return null;
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
