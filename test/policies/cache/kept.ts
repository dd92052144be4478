import type { KeptAnswer } from '../../../src/policies/cache/kept-answer.js';

/** A kept answer of this text, which may be given again for a minute from 1,000 on. */
export function kept(text: string, changes: Partial<KeptAnswer> = {}): KeptAnswer {
  return {
    body: Buffer.from(text),
    contentType: 'application/json',
    stream: false,
    lost: null,
    keptAt: 1_000,
    expiresAt: 61_000,
    of: { key: 'alice', team: 'chat', model: 'gpt-4o' },
    provider: 'main',
    modelSent: 'gpt-4o',
    cost: 10,
    tokens: 5,
    ...changes,
  };
}
