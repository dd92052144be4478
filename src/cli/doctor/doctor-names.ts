import { type Finding, warning } from '../../admin/health/finding.js';
import { absentNames, type NamesOthers } from '../../config/absent-names.js';
import type { Configuration } from '../../config/configuration.js';
import { percentOf } from '../../config/rows/canary.js';
import { patternCosts } from '../../config/rows/pattern-cost.js';
import { selectorsText } from '../spend/selectors.js';

/**
 * Canaries, mirrors, guardrails, budgets, prices and kill switches that name what the configuration
 * lacks do nothing. Guardrails from before their patterns were limited may delay requests.
 */
export function checkNames(configuration: Configuration): Finding[] {
  const {
    canaries = [],
    mirrors = [],
    guardrails = [],
    budgets = [],
    prices = [],
    stops = [],
  } = configuration;
  const check = (of: string, row: NamesOthers, todo: string): Finding[] =>
    absentNames(row, configuration).flatMap((reason) =>
      warning(of, `does nothing: ${reason}`, todo),
    );
  const correct = (
    kind: string,
    command: string,
    rows: readonly (NamesOthers & { name: string; is_enabled?: boolean })[],
  ): Finding[] =>
    rows
      .filter(({ is_enabled }) => is_enabled !== false)
      .flatMap((row) =>
        check(`${kind} ${row.name}`, row, `correct or delete it: llmproxy ${command} --help`),
      );
  return [
    ...canaries
      .filter((canary) => percentOf(canary) > 0)
      .flatMap((canary) =>
        check(`canary ${canary.name}`, canary, `stop it: llmproxy canary stop ${canary.name}`),
      ),
    ...correct('mirror', 'mirrors', mirrors),
    ...guardrails.flatMap((guardrail) =>
      patternCosts(guardrail).flatMap(([path, reason]) =>
        warning(
          `guardrail ${guardrail.name}`,
          `${path} ${reason}`,
          'each character of a text may cost a step of each instruction: simplify it, or split it',
        ),
      ),
    ),
    ...correct('guardrail', 'guardrails', guardrails),
    ...correct('budget', 'budgets', budgets),
    ...correct('price', 'prices', prices),
    ...stops.flatMap((stop) =>
      check(
        `stop of ${selectorsText(stop.applies_to)}`,
        stop,
        'undo it, and stop the right one: llmproxy resume',
      ),
    ),
  ];
}
