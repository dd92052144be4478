import type { Configuration } from '../configuration.js';
import type { Problem } from '../problem.js';
import type { Guardrail } from './guardrail.js';
import { checkLinear } from './linear-pattern.js';
import { instructionsOf } from './pattern-size.js';

/**
 * Maximum instructions of a pattern, and of all patterns of a guardrail: where a text has a match, each
 * character may cost a step of every instruction. Rows and files from before this limit stay in use.
 */
const maxOfPattern = 500;
const maxOfGuardrail = 2_000;
/** Maximum of what they are written with, since long classes compile to few instructions. */
const maxWritten = 10_000;

/** The reasons that a guardrail's patterns cost too much for a new row, with their places. */
export function patternCosts({ config }: Guardrail): [path: string, reason: string][] {
  const patterns = config.patterns ?? [];
  const written = patterns.reduce((sum, { pattern }) => sum + instructionsOf(pattern), 0);
  // They are not compiled then: that alone would take seconds.
  if (written > maxWritten) {
    return [
      ['config.patterns', `are too large: about ${written} instructions; split the guardrail`],
    ];
  }
  const sizes = patterns.map(
    ({ pattern, ignore_case }) => checkLinear(pattern, ignore_case).instructions,
  );
  const costs = sizes.flatMap((size, index): [string, string][] => {
    if (size <= maxOfPattern) return [];
    const reason = `is too large: ${size} instructions of at most ${maxOfPattern}; repeat less, or split it`;
    return [[`config.patterns.${index}.pattern`, reason]];
  });
  const sum = sizes.reduce((all, size) => all + size, 0);
  if (costs.length > 0 || sum <= maxOfGuardrail) return costs;
  const reason = `are too large: ${sum} instructions of at most ${maxOfGuardrail}`;
  return [['config.patterns', reason]];
}

/** The same of all guardrails among the rows. */
export function costProblems({ guardrails = [] }: Configuration): Problem[] {
  return guardrails.flatMap((guardrail) =>
    patternCosts(guardrail).map(([path, reason]) => ({
      source: 'table guardrails',
      path: `guardrails.${guardrail.name}.${path}`,
      reason,
    })),
  );
}
