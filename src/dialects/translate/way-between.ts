import type { Quirks } from '../codec.js';
import { codecOf, providerCodecOf } from '../codecs.js';
import type { DialectName } from '../dialect.js';
import { embeddingCodecs } from '../embeddings/translate.js';
import type { RerankShape } from '../rerank/codec.js';
import type { TokenCountCodec } from '../token-count/codec.js';
import { tokenCountCodecs } from '../token-count/codecs.js';
import type { Way } from './way.js';

/** A way by names. Can be sent between threads. */
export interface WayNames {
  client: DialectName;
  provider: DialectName;
  /** The provider's name of it. */
  model: string;
  quirks: Quirks;
}

/** Null where there is no translation. */
export function wayBetween({ client: from, provider: to, model, quirks }: WayNames): Way | null {
  if (from === to) return null;
  const target = { model, maxOutputTokens: null, quirks };
  const conversation = codecOf(from);
  const speaks = providerCodecOf(to);
  if (conversation && speaks) {
    return { operation: 'chat', client: conversation, provider: speaks, target };
  }
  const counting = tokenCountCodecOf(from);
  const counts = tokenCountCodecOf(to);
  if (counting && counts) {
    return { operation: 'token_count', client: counting, provider: counts, target };
  }
  const embedding = codecIn(embeddingCodecs, from);
  const embeds = codecIn(embeddingCodecs, to);
  if (embedding && embeds) {
    return { operation: 'embedding', client: embedding, provider: embeds, model };
  }
  const shape = rerankShapeOf(from);
  const ranks = rerankShapeOf(to);
  return shape && ranks && { operation: 'rerank', client: shape, provider: ranks, model };
}

/** Null for a dialect of another operation. */
export function tokenCountCodecOf(dialect: DialectName): TokenCountCodec | null {
  return codecIn(tokenCountCodecs, dialect);
}

/** Null for a dialect of another operation. */
function codecIn<Codec>(
  codecs: Readonly<Partial<Record<DialectName, Codec>>>,
  dialect: DialectName,
): Codec | null {
  return codecs[dialect] ?? null;
}

/** Jina's requests and answers are those of vLLM, too. */
function rerankShapeOf(dialect: DialectName): RerankShape | null {
  if (dialect === 'cohere.rerank') return 'cohere';
  return dialect === 'jina.rerank' ? 'jina' : null;
}
