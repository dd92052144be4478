import type { DialectName } from '../dialects/dialect.js';
import { type Fields, tokensOf } from './ask.js';
import { embeddingsBody } from './embeddings.js';
import { ProviderError } from './provider-error.js';
import { idOf } from './resources.js';

/** A whole answer: JSON, or bytes. @throws ProviderError 400 naming the field. */
export type PlainAnswer = (fields: Fields) => string | { type: string; bytes: Buffer };

/** Answers other than text of a model, by dialect. */
export const plainAnswers: Readonly<Partial<Record<DialectName, PlainAnswer>>> = {
  'openai.embeddings': embeddingsBody,
  'openai.moderations': moderationsBody,
  'openai.images': imagesBody,
  'openai.speech': speechBody,
  'openai.transcriptions': transcriptionBody,
  'openai.compact': compactionBody,
  'cohere.rerank': rerankBody,
  'jina.rerank': rerankBody,
};

const categories = ['hate', 'harassment', 'self-harm', 'sexual', 'violence'];

/** An input with the word "kill" is violent. */
function moderationsBody(fields: Fields): string {
  const { model } = fields;
  const input = required(fields, 'input');
  const inputs = Array.isArray(input) ? input : [input];
  const results = inputs.map((one) => {
    const flagged = /\bkill\b/i.test(JSON.stringify(one));
    const isOne = (name: string) => flagged && name === 'violence';
    const each = <T>(value: (name: string) => T) =>
      Object.fromEntries(categories.map((name) => [name, value(name)]));
    return {
      flagged,
      categories: each(isOne),
      category_scores: each((name) => (isOne(name) ? 0.99 : 0.01)),
    };
  });
  return JSON.stringify({ id: 'modr-mock', model, results });
}

/** A black dot, as many times as asked for; of an image, no prompt is needed. */
function imagesBody(fields: Fields): string {
  if (fields.image === undefined && fields['image[]'] === undefined) required(fields, 'prompt');
  const n = Number(fields.n ?? 1);
  if (!Number.isInteger(n) || n < 1 || n > 10) {
    throw new ProviderError(400, 'n must be an integer from 1 to 10', { param: 'n' });
  }
  const input = tokensOf(String(fields.prompt ?? '').length);
  const usage = { input_tokens: input, output_tokens: 100 * n, total_tokens: input + 100 * n };
  const data = Array.from({ length: n }, () => ({ b64_json: dot }));
  return JSON.stringify({ created: 1_700_000_000, data, usage });
}

const dot =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==';

const soundTypes: Readonly<Record<string, string>> = {
  mp3: 'audio/mpeg',
  opus: 'audio/opus',
  aac: 'audio/aac',
  flac: 'audio/flac',
  wav: 'audio/wav',
  pcm: 'audio/pcm',
};

/** Not a sound: bytes that tell each place apart, a thousand for each character. */
function speechBody(fields: Fields): { type: string; bytes: Buffer } {
  const input = required(fields, 'input');
  const type = soundTypes[String(fields.response_format ?? 'mp3')];
  if (type === undefined) {
    throw new ProviderError(400, 'response_format is not known', { param: 'response_format' });
  }
  const bytes = Buffer.alloc(1_000 * String(input).length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 31) % 251;
  return { type, bytes };
}

/** Tells the size of the file, as the format that is asked for writes a text. */
function transcriptionBody(fields: Fields): string | { type: string; bytes: Buffer } {
  const file = required(fields, 'file');
  if (!(file instanceof Blob)) {
    throw new ProviderError(400, 'file must be a file', { param: 'file' });
  }
  const text = `A sound of ${file.size} bytes.`;
  const output = tokensOf(text.length);
  const usage = {
    type: 'tokens',
    input_tokens: tokensOf(file.size),
    output_tokens: output,
    total_tokens: tokensOf(file.size) + output,
  };
  if (fields.stream === 'true') {
    const events = [
      { type: 'transcript.text.delta', delta: text },
      { type: 'transcript.text.done', text, usage },
    ].map((event) => `data: ${JSON.stringify(event)}\n\n`);
    return { type: 'text/event-stream', bytes: Buffer.from(events.join('')) };
  }
  const plain = (written: string) => ({
    type: 'text/plain; charset=utf-8',
    bytes: Buffer.from(written),
  });
  switch (fields.response_format ?? 'json') {
    case 'json':
      return JSON.stringify({ text, usage });
    case 'verbose_json':
      return JSON.stringify({ task: 'transcribe', language: 'english', duration: 1, text, usage });
    case 'text':
      return plain(`${text}\n`);
    case 'srt':
      return plain(`1\n00:00:00,000 --> 00:00:01,000\n${text}\n`);
    case 'vtt':
      return plain(`WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n${text}\n`);
    default:
      throw new ProviderError(400, 'response_format is not known', { param: 'response_format' });
  }
}

/** Compacts a conversation to its length. */
function compactionBody({ input }: Fields): string {
  const output = [{ type: 'compaction', encrypted_content: String(JSON.stringify(input).length) }];
  const usage = { input_tokens: 1, output_tokens: 1, total_tokens: 2 };
  return JSON.stringify({ id: idOf('cmp_'), object: 'response.compaction', output, usage });
}

/** The relevance of a document is the share of the query's words that it has. */
function rerankBody(fields: Fields): string {
  const words = wordsOf(required(fields, 'query'));
  const documents = required(fields, 'documents');
  if (!Array.isArray(documents) || documents.length === 0) {
    throw new ProviderError(400, 'documents must be a list that is not empty', {
      param: 'documents',
    });
  }
  const results = documents
    .map((document, index) => {
      const found = new Set(wordsOf(document));
      const relevance_score = words.filter((word) => found.has(word)).length / words.length;
      return { index, relevance_score };
    })
    .sort((a, b) => b.relevance_score - a.relevance_score);
  const { top_n = results.length } = fields;
  const total_tokens = tokensOf(JSON.stringify([fields.query, documents]).length);
  return JSON.stringify({
    id: 'rerank-mock',
    results: results.slice(0, Number(top_n)),
    meta: { api_version: { version: '2' }, billed_units: { search_units: 1 } },
    usage: { total_tokens },
  });
}

function wordsOf(text: unknown): string[] {
  return JSON.stringify(text).toLowerCase().match(/\w+/g) ?? [''];
}

function required(fields: Fields, name: string): unknown {
  if (fields[name] === undefined) {
    throw new ProviderError(400, `Missing required parameter: '${name}'.`, { param: name });
  }
  return fields[name];
}
