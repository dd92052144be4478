import { type Finding, warning } from '../../admin/health/finding.js';
import type { Configuration } from '../../config/configuration.js';
import type { Budget } from '../../config/rows/budget.js';
import { percentOf } from '../../config/rows/canary.js';
import type { Guardrail } from '../../config/rows/guardrail.js';
import { patternCosts } from '../../config/rows/pattern-cost.js';

/**
 * Canaries, mirrors, guardrails, budgets and kill switches that name what the configuration lacks do
 * nothing. Guardrails from before their patterns were limited may delay requests.
 */
export function checkNames({
  providers,
  credentials,
  teams,
  canaries = [],
  mirrors = [],
  guardrails = [],
  budgets = [],
  stops = [],
}: Configuration): Finding[] {
  const known = {
    provider: new Set(
      providers.filter(({ is_enabled }) => is_enabled).map(({ provider_key }) => provider_key),
    ),
    key: new Set(credentials.map(({ name }) => name)),
    team: new Set(teams.map(({ name }) => name)),
  };
  const check = (
    of: string,
    todo: string,
    ...named: [kind: keyof typeof known, name: string | null | undefined][]
  ): Finding[] =>
    named.flatMap(([kind, name]) => {
      if (name == null || known[kind].has(name)) return [];
      const lacks = kind === 'provider' ? 'enabled ' : '';
      return warning(of, `does nothing: there is no ${lacks}${kind} "${name}"`, todo);
    });
  const appliedTo = (
    kind: 'guardrail' | 'budget',
    rows: readonly Pick<Guardrail | Budget, 'name' | 'is_enabled' | 'applies_to'>[],
  ): Finding[] =>
    rows
      .filter(({ is_enabled }) => is_enabled)
      .flatMap(({ name, applies_to }) =>
        check(
          `${kind} ${name}`,
          `correct or delete it: llmproxy ${kind}s --help`,
          ['key', applies_to.key],
          ['team', applies_to.team],
        ),
      );
  return [
    ...canaries
      .filter((canary) => percentOf(canary) > 0)
      .flatMap(({ name, from_provider, to_provider }) =>
        check(
          `canary ${name}`,
          `stop it: llmproxy canary stop ${name}`,
          ['provider', from_provider],
          ['provider', to_provider],
        ),
      ),
    ...mirrors
      .filter(({ is_enabled }) => is_enabled)
      .flatMap(({ name, provider, applies_to }) =>
        check(
          `mirror ${name}`,
          `correct or delete it: llmproxy mirrors --help`,
          ['provider', provider],
          ['provider', applies_to.provider],
          ['key', applies_to.key],
          ['team', applies_to.team],
        ),
      ),
    ...guardrails.flatMap((guardrail) =>
      patternCosts(guardrail).flatMap(([path, reason]) =>
        warning(
          `guardrail ${guardrail.name}`,
          `${path} ${reason}`,
          'each character of a text may cost a step of each instruction: simplify it, or split it',
        ),
      ),
    ),
    ...appliedTo('guardrail', guardrails),
    ...appliedTo('budget', budgets),
    ...stops.flatMap(({ applies_to: { key, team } }) =>
      check(
        `stop of ${key === undefined ? `team ${team}` : `key ${key}`}`,
        `undo it, and stop the right one: llmproxy resume`,
        ['key', key],
        ['team', team],
      ),
    ),
  ];
}
