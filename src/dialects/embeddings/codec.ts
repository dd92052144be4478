import type { Loss } from '../codec.js';
import type { ConversationError } from '../conversation.js';

export type EmbeddingDialect =
  | 'openai.embeddings'
  | 'gemini.embed'
  | 'cohere.embed'
  | 'vertex.predict'
  | 'vertex.embed'
  | 'bedrock.titan-embed'
  | 'bedrock.cohere-embed';

/** The use of the vectors, which some dialects ask for. */
export type Purpose = 'query' | 'document' | 'similarity' | 'classification' | 'clustering';

export interface EmbeddingRequest {
  model: string;
  /** Texts, or token ids, which are specific to one family of models. */
  inputs: readonly (string | readonly number[])[];
  /** True if the client sent a single input outside a list, and expects a single vector. */
  single: boolean;
  dimensions: number | null;
  purpose: Purpose | null;
  /** Vectors as base64 of 32-bit floats, least significant byte first. */
  base64: boolean;
  user: string | null;
  /** Names of fields unknown to other dialects. */
  unknown: readonly string[];
}

/** The parts of a request that its answer depends on. */
export type AskedVectors = Pick<EmbeddingRequest, 'model' | 'single' | 'base64'> &
  Partial<Pick<EmbeddingRequest, 'inputs'>>;

/** The same, with the number of vectors that must come at least. */
export type AwaitedVectors = AskedVectors & { count: number };

export interface EmbeddingAnswer {
  vectors: readonly (readonly number[])[];
  /** Tokens of all inputs; null when not reported. */
  tokens: number | null;
}

/** One dialect's way to and from the neutral form. Pure. */
export interface EmbeddingCodec {
  readonly dialect: EmbeddingDialect;
  /** The client's names of the fields that can be lost. */
  readonly fields: Readonly<Record<'inputs' | 'dimensions' | 'purpose' | 'user', string>>;
  /** @throws WrongField */
  readRequest(body: Buffer, model: string): EmbeddingRequest;
  writeRequest(request: EmbeddingRequest, model: string): { body: Buffer; losses: Loss[] };
  /** @throws WrongField */
  readAnswer(body: Buffer): EmbeddingAnswer;
  writeAnswer(answer: EmbeddingAnswer, request: AskedVectors): string;
  readError(body: Buffer, status: number): ConversationError;
  writeError(error: ConversationError): string;
}
