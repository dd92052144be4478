import { countTokens } from './anthropic/dialects.js';
import { messageFilesIn } from './anthropic/named-files.js';
import type { Dialect } from './dialect.js';
import { isPage } from './errors/no-answer.js';
import { type ModelRequest, requestWithout, type Spans } from './head.js';
import { images } from './openai/dialects.js';

/** Members of requests that refer to objects at one provider. */
const members = [
  'input_file_id',
  'training_file',
  'validation_file',
  'file_id',
  'file_ids',
  'vector_store_id',
  'vector_store_ids',
  'previous_response_id',
  'conversation',
] as const;

/** Requests for objects by their id: bodies are relayed unchanged, and answers cost no tokens. */
const resource = {
  operation: 'resource',
  output: 'none',
  members: new Set<string>(members),
  resources: { members, made: null },
  readHead: (body: Buffer, spans: Spans): ModelRequest => ({
    ...requestWithout(''),
    body,
    spans,
    modelIn: 'path',
  }),
  judge: () => 'content',
  errorIn: () => null,
  // The content of a file can be anything.
  isAnswer: (body, type) => !isPage(body, type),
  countsTokens: false,
  readUsage: () => null,
  streamEnds: null,
} as const satisfies Partial<Dialect>;

/** Files, uploads, batches, vector stores and fine-tuning of OpenAI. */
export const files: Dialect = { ...images, ...resource, name: 'openai.files' };
/** Stored responses, and conversations. */
export const stored: Dialect = { ...images, ...resource, name: 'openai.stored' };
/** Batches of Anthropic, whose messages may name files. */
export const messageBatches: Dialect = {
  ...countTokens,
  ...resource,
  name: 'anthropic.batches',
  resources: { ...resource.resources, within: messageFilesIn },
};
export const messageFiles: Dialect = { ...countTokens, ...resource, name: 'anthropic.files' };
