import type { TokenUsage } from '../dialects/usage.js';
import type { ReplayedRow } from '../observe/usage/usage-row.js';

/** The usage of rows, with averages for those that were not counted. */
export class ReplayedUsage {
  readonly #means = new Map<string, { count: number; input: number; output: number }>();

  /** The row's usage; if it was not counted, the average of its model so far. */
  of(row: ReplayedRow, model: string): TokenUsage | null {
    const { kind, prompt_tokens, completion_tokens, usage_classes } = row;
    if (prompt_tokens !== null && completion_tokens !== null) {
      return {
        promptTokens: prompt_tokens,
        completionTokens: completion_tokens,
        classes: usage_classes,
      };
    }
    // A provider that failed charges nothing.
    if (kind.provider !== null) return null;
    const mean = this.#means.get(model);
    if (!mean) return null;
    const { count, input, output } = mean;
    return {
      promptTokens: Math.round(input / count),
      completionTokens: Math.round(output / count),
    };
  }

  /** Adds the usage of a row. */
  learn(model: string, { prompt_tokens, completion_tokens }: ReplayedRow): void {
    let mean = this.#means.get(model);
    if (!mean) {
      mean = { count: 0, input: 0, output: 0 };
      this.#means.set(model, mean);
    }
    mean.count++;
    mean.input += prompt_tokens ?? 0;
    mean.output += completion_tokens ?? 0;
  }
}
