import { parentPort } from 'node:worker_threads';
import type { TokenUsage } from '../../dialects/usage.js';
import type { UncountedText } from '../event.js';
import { countTokens } from './count-tokens.js';

/** What the thread is asked; it answers each with one `CountAnswer`, in turn. */
export interface CountRequest {
  text: UncountedText;
  model: string;
}

/** Null when counting failed. */
export type CountAnswer = TokenUsage | null;

parentPort?.on('message', ({ text, model }: CountRequest) => {
  parentPort?.postMessage(countOrNull(text, model));
});

/** Whatever is wrong with a text, the thread is there for the next one. */
function countOrNull(text: UncountedText, model: string): CountAnswer {
  try {
    return countTokens(text, model);
  } catch {
    return null;
  }
}
