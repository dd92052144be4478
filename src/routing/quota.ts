import type { Credential, Team } from '../config/configuration.js';
import {
  type LimitAmounts,
  type LimitName,
  type Limits,
  limitNames,
} from '../config/rows/limits.js';
import {
  compileModelPattern,
  type ModelPattern,
  matchesPattern,
} from '../config/rows/model-pattern.js';

/** One limit, as a bucket of tokens. */
export interface Quota {
  /** Names the bucket. */
  readonly key: string;
  readonly name: LimitName;
  /** Owner in messages, such as `team "chat"`. */
  readonly owner: string;
  readonly counts: 'requests' | 'tokens' | 'input' | 'output';
  readonly amount: number;
  /** Tokens per second; the bucket holds at most `amount`. */
  readonly rate: number;
}

/** Maximum concurrent requests. */
export interface ConcurrencyLimit {
  /** Names the slots. */
  readonly key: string;
  readonly owner: string;
  readonly capacity: number;
}

/** All limits of a key and of its team, except `rate_limit`. */
export interface Quotas {
  readonly concurrency: readonly ConcurrencyLimit[];
  /** The limits for this model. */
  of(model: string): readonly Quota[];
}

interface ModelQuotas {
  readonly pattern: ModelPattern;
  readonly quotas: readonly Quota[];
}

const periodSeconds = { second: 1, minute: 60, day: 86_400 } as const;

/** @param credential whose bucket is named `credentialKey`. @returns null where there are none. */
export function compileQuotas(
  credential: Credential,
  credentialKey: string,
  team: Team | null,
): Quotas | null {
  if (isEmpty(credential.limits) && isEmpty(team?.limits)) return null;
  const owners = [
    { limits: credential.limits ?? {}, key: credentialKey, owner: 'this key' },
    { limits: team?.limits ?? {}, key: `team ${team?.name}`, owner: `the team "${team?.name}"` },
  ].filter(({ limits }) => !isEmpty(limits));
  const always = owners.flatMap(({ limits, key, owner }) => quotasOf(limits, key, owner));
  const byModel = owners.flatMap(({ limits, key, owner }) => {
    const models = modelQuotas(limits, key, owner);
    return models.length > 0 ? [models] : [];
  });
  return {
    concurrency: owners.flatMap(({ limits: { max_concurrency: capacity }, key, owner }) =>
      capacity === undefined ? [] : [{ key: `concurrency of ${key}`, owner, capacity }],
    ),
    of(model) {
      if (byModel.length === 0) return always;
      const ofModel = byModel.flatMap(
        (models) => models.find(({ pattern }) => matchesPattern(pattern, model))?.quotas ?? [],
      );
      return [...always, ...ofModel];
    },
  };
}

function isEmpty(limits: Limits | undefined): boolean {
  for (const _ in limits) return false;
  return true;
}

/** A request's share of a limit. */
export function countOf({ counts }: Pick<Quota, 'counts'>, input: number, output: number): number {
  if (counts === 'requests') return 1;
  if (counts === 'input') return input;
  return counts === 'output' ? output : input + output;
}

function modelQuotas({ models = {} }: Limits, key: string, owner: string): ModelQuotas[] {
  return Object.entries(models).flatMap(([model, amounts]) => {
    const pattern = compileModelPattern(model);
    if (typeof pattern === 'string') return [];
    const quotas = quotasOf(amounts, `${key} for ${model}`, `${owner} for ${model}`);
    return [{ pattern, quotas }];
  });
}

function quotasOf(amounts: LimitAmounts, key: string, owner: string): Quota[] {
  return limitNames.flatMap((name) => {
    const amount = amounts[name];
    if (amount === undefined) return [];
    const [what, period] = name.split('_per_') as [string, keyof typeof periodSeconds];
    const counts = (
      what === 'requests' ? what : what.replace(/_?tokens$/, '') || 'tokens'
    ) as Quota['counts'];
    const rate = amount / periodSeconds[period];
    return [{ key: `${key} ${name}`, name, owner, counts, amount, rate }];
  });
}
