import type { EmbeddingCodec } from '../dialects/embeddings/codec.js';
import { tokensOf } from './ask.js';
import { ProviderError } from './provider-error.js';
import { hashText, seededRandom } from './random.js';

const defaultDimensions: Record<string, number> = { 'text-embedding-3-large': 3072 };
const otherDimensions = 1536;
const maxDimensions = 65_536;
const maxCachedVectors = 64;

// A vector costs more to make than to send, and tests and benchmarks repeat their inputs.
const cache = new Map<string, string>();

/**
 * The body of an answer with a unit vector for each input; equal inputs get equal vectors.
 * @throws ProviderError 400 for an invalid `input`, `dimensions` or `encoding_format`.
 */
export function embeddingsBody(body: Record<string, unknown> & { model: string }): string {
  const { model, encoding_format: format = 'float' } = body;
  const dimensions = body.dimensions ?? defaultDimensions[model] ?? otherDimensions;
  if (format !== 'float' && format !== 'base64') {
    throw invalid('encoding_format', 'must be float or base64');
  }
  if (!isCount(dimensions) || dimensions > maxDimensions) {
    throw invalid('dimensions', `must be an integer from 1 to ${maxDimensions}`);
  }
  const inputs = readInputs(body.input);
  const data = inputs.map(({ text }, index) => {
    const vector = vectorJson(text, dimensions, format);
    return `{"object":"embedding","index":${index},"embedding":${vector}}`;
  });
  const tokens = inputs.reduce((sum, input) => sum + input.tokens, 0);
  const usage = `{"prompt_tokens":${tokens},"total_tokens":${tokens}}`;
  return `{"object":"list","data":[${data.join(',')}],"model":${JSON.stringify(model)},"usage":${usage}}`;
}

/**
 * The same for one content of Gemini's API.
 * @throws ProviderError 400 for an invalid `content` or `outputDimensionality`.
 */
export function geminiEmbeddingBody(body: Buffer): string {
  const { content, outputDimensionality: dimensions = otherDimensions } = JSON.parse(
    body.toString(),
  ) as { content?: unknown; outputDimensionality?: unknown };
  if (content === undefined) throw invalid('content', 'is missing');
  if (!isCount(dimensions) || dimensions > maxDimensions) {
    throw invalid('outputDimensionality', `must be an integer from 1 to ${maxDimensions}`);
  }
  return `{"embedding":{"values":${vectorJson(JSON.stringify(content), dimensions, 'float')}}}`;
}

/**
 * The same for any API that has a codec.
 * @throws WrongField
 */
export function embeddingAnswer(codec: EmbeddingCodec, body: Buffer, model: string): string {
  const request = codec.readRequest(body, model);
  const vectors = request.inputs.map((input) =>
    makeVector(JSON.stringify(input), request.dimensions ?? otherDimensions),
  );
  return codec.writeAnswer({ vectors, tokens: tokensOf(body.length) }, request);
}

interface Input {
  text: string;
  tokens: number;
}

/** One text, one list of tokens, or a list of either. */
function readInputs(input: unknown): Input[] {
  const list = Array.isArray(input) && !isTokens(input) ? input : [input];
  const inputs = list.map((item): Input | null => {
    if (typeof item === 'string') {
      return { text: item, tokens: tokensOf(item.length) };
    }
    return isTokens(item) ? { text: JSON.stringify(item), tokens: item.length } : null;
  });
  if (inputs.length === 0 || !inputs.every((item) => item !== null)) {
    throw invalid('input', 'must be a text, a list of texts, or tokens');
  }
  return inputs;
}

function vectorJson(text: string, dimensions: number, format: 'float' | 'base64'): string {
  const key = `${format} ${dimensions} ${text}`;
  const cached = cache.get(key);
  if (cached !== undefined) {
    return cached;
  }
  const vector = makeVector(text, dimensions);
  const json =
    format === 'float'
      ? JSON.stringify(vector)
      : `"${Buffer.from(Float32Array.from(vector).buffer).toString('base64')}"`;
  if (cache.size === maxCachedVectors) {
    cache.clear();
  }
  cache.set(key, json);
  return json;
}

function makeVector(text: string, dimensions: number): number[] {
  const random = seededRandom(hashText(text));
  const raw = Array.from({ length: dimensions }, () => random() * 2 - 1);
  const length = Math.sqrt(raw.reduce((sum, value) => sum + value * value, 0));
  return raw.map((value) => Math.round((value / length) * 1e8) / 1e8);
}

function isTokens(value: unknown): value is number[] {
  return Array.isArray(value) && value.length > 0 && value.every(Number.isInteger);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0;
}

function invalid(param: string, what: string): ProviderError {
  return new ProviderError(400, `${param} ${what}`, { param });
}
