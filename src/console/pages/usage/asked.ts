import type { Usage } from '../../lib/answers.js';
import { percent } from '../../lib/format.js';
import type { Period } from '../../lib/timeline.js';

export const groupings = [
  ['team', 'Team'],
  ['key', 'Key'],
  ['user', 'User'],
  ['tag', 'Tag'],
  ['model', 'Model'],
  ['provider', 'Provider'],
  ['day', 'Day'],
] as const;

export type Grouping = (typeof groupings)[number][0];

export type Compared = NonNullable<Usage['compared']>;

/** A period, and the only team that is summed. */
export type Asked = Period & { team?: string };

/** `+12.3 %`; undefined where there is nothing to compare with. */
export function changeOf(now: number, before: number | undefined): string | undefined {
  if (!before) return undefined;
  const share = now / before - 1;
  return `${share >= 0 ? '+' : '−'}${percent(Math.abs(share))}`;
}
