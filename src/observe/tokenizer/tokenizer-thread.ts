import { parentPort } from 'node:worker_threads';
import type { TokenUsage } from '../../dialects/usage.js';
import type { UncountedText } from '../request-event.js';
import { countTokens } from './count-tokens.js';

/** A request to the thread, which answers each with one `CountAnswer`, in order. */
export interface CountRequest {
  text: UncountedText;
  model: string;
}

/** Null when counting failed. */
export type CountAnswer = TokenUsage | null;

parentPort?.on('message', ({ text, model }: CountRequest) => {
  parentPort?.postMessage(countOrNull(text, model));
});

/** Never throws: the thread must survive a text that fails. */
function countOrNull(text: UncountedText, model: string): CountAnswer {
  try {
    return countTokens(text, model);
  } catch {
    return null;
  }
}
