import { providerCodecOf } from '../codecs.js';
import type { DialectName } from '../dialect.js';
import type { EmbeddingCodec, EmbeddingDialect } from '../embeddings/codec.js';
import { embeddingCodecs } from '../embeddings/translate.js';
import type { AskedEndpoint } from '../endpoint.js';
import { modelEndpoints, providerEndpoints } from '../endpoints.js';
import type { RerankShape } from '../rerank/codec.js';
import type { TokenCountCodec, TokenCountDialect } from '../token-count/codec.js';
import { tokenCountCodecs } from '../token-count/codecs.js';

const all: readonly AskedEndpoint[] = [...providerEndpoints, ...modelEndpoints];

/** Endpoints for conversations, in the order in which a provider's own are tried. */
export const conversationTargets = all.filter(
  ({ dialect }) => providerCodecOf(dialect.name) !== null,
);

/** Gemini is asked for several vectors at once. */
export const embeddingTargets = all.filter(
  ({ dialect, path }) => embeddingCodecOf(dialect.name) !== null && path !== ':embedContent',
);

export const tokenCountTargets = all.filter(
  ({ dialect }) => tokenCountCodecOf(dialect.name) !== null,
);

export const rerankTargets = all.filter(({ dialect }) => rerankShapeOf(dialect.name) !== null);

/** Null for a dialect of another operation. */
export function embeddingCodecOf(dialect: DialectName): EmbeddingCodec | null {
  return Object.hasOwn(embeddingCodecs, dialect)
    ? embeddingCodecs[dialect as EmbeddingDialect]
    : null;
}

/** Null for a dialect of another operation. */
export function tokenCountCodecOf(dialect: DialectName): TokenCountCodec | null {
  return Object.hasOwn(tokenCountCodecs, dialect)
    ? tokenCountCodecs[dialect as TokenCountDialect]
    : null;
}

/** Jina's requests and answers are those of vLLM, too. */
export function rerankShapeOf(dialect: DialectName): RerankShape | null {
  if (dialect === 'cohere.rerank') return 'cohere';
  return dialect === 'jina.rerank' ? 'jina' : null;
}
