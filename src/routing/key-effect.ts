import type { Credential } from '../config/configuration.js';
import type { Limits } from '../config/rows/limits.js';
import { compileModelPattern } from '../config/rows/model-pattern.js';
import { compileAllowedModels } from './model-mapping.js';
import type { Snapshot } from './snapshot.js';

/** A key whose permissions change. */
export interface KeyEffect {
  name: string;
  effect: 'works' | 'stops' | 'changes';
  /** In words, such as `deleted`. */
  reasons: string[];
}

export function keyEffects(
  before: readonly Credential[],
  after: readonly Credential[],
  snapshots: readonly [Snapshot, Snapshot],
  now: number,
): KeyEffect[] {
  const was = new Map(before.map((credential) => [credential.id, credential]));
  const is = new Map(after.map((credential) => [credential.id, credential]));
  const found: KeyEffect[] = [];
  for (const [id, old] of was) {
    const next = is.get(id) ?? null;
    if (next !== old) found.push(...keyEffect(old, next, snapshots, now));
  }
  for (const [id, next] of is) {
    if (!was.has(id) && works(next, now)) {
      found.push({ name: next.name, effect: 'works', reasons: ['new'] });
    }
  }
  return found;
}

function keyEffect(
  old: Credential,
  next: Credential | null,
  snapshots: readonly [Snapshot, Snapshot],
  now: number,
): KeyEffect[] {
  const { name } = old;
  const stops = (reason: string): KeyEffect[] =>
    works(old, now) ? [{ name, effect: 'stops', reasons: [reason] }] : [];
  if (!next) return stops('deleted');
  if (!next.is_enabled) return stops('disabled');
  if (next.rate_limit === 0) return stops('its rate limit is 0');
  if (next.allowed_models?.length === 0) return stops('may use no model');
  if (next.credential_key !== old.credential_key && next.previous_key !== old.credential_key) {
    return stops('replaced by another key');
  }
  if (isExpired(next, now)) return stops('expired');
  if (!works(old, now)) return [{ name, effect: 'works', reasons: ['enabled'] }];
  const reasons = modelReasons(old, next, snapshots);
  if (next.expires_at && next.expires_at !== old.expires_at) {
    reasons.push(`expires ${next.expires_at}`);
  }
  if (next.rate_limit !== old.rate_limit) {
    reasons.push(`limit ${limit(old.rate_limit)}, then ${limit(next.rate_limit)}`);
  }
  const [was, is] = [burstOf(old), burstOf(next)];
  if (next.rate_limit !== null && was !== is) reasons.push(`burst ${was}, then ${is}`);
  const teamOf = (credential: Credential) => credential.team ?? 'none';
  if (teamOf(next) !== teamOf(old)) reasons.push(`team ${teamOf(old)}, then ${teamOf(next)}`);
  if (!isSameLimits(old.limits, next.limits)) reasons.push('other limits');
  const from = (ips: Credential['allowed_ips']) => ips?.join(', ') ?? 'everywhere';
  if (from(next.allowed_ips) !== from(old.allowed_ips)) {
    reasons.push(`may be used from ${from(next.allowed_ips)}`);
  }
  if ((next.store_bodies ?? false) !== (old.store_bodies ?? false)) {
    reasons.push(`bodies are ${next.store_bodies ? 'stored' : 'no longer stored'}`);
  }
  if ((next.losses ?? null) !== (old.losses ?? null)) {
    reasons.push(`losses of translation: ${next.losses ?? 'as each provider says'}`);
  }
  if (cached(next) !== cached(old)) reasons.push(`answers kept: ${cached(next)}`);
  return reasons.length > 0 ? [{ name, effect: 'changes', reasons }] : [];
}

function cached({ cache }: Credential): string {
  return cache ? inOrder(cache) : 'the team’s rules';
}

function burstOf({ burst, rate_limit }: Credential): number | null {
  return burst ?? rate_limit;
}

function isSameLimits(one: Limits = {}, other: Limits = {}): boolean {
  return inOrder(one) === inOrder(other);
}

/** Text of an object with sorted fields: jsonb has its own order. */
function inOrder(value: object): string {
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return fields
    .map(([name, each]) => `${name}=${each instanceof Object ? inOrder(each) : each}`)
    .join();
}

export function works(credential: Credential, now: number): boolean {
  const { is_enabled, rate_limit, allowed_models } = credential;
  return (
    is_enabled && rate_limit !== 0 && allowed_models?.length !== 0 && !isExpired(credential, now)
  );
}

function isExpired({ expires_at }: Credential, now: number): boolean {
  return typeof expires_at === 'string' && Date.parse(expires_at) <= now;
}

/** Entries of `allowed_models` not covered by the other list. */
function modelReasons(
  { allowed_models: old }: Credential,
  { allowed_models: next }: Credential,
  [before, after]: readonly [Snapshot, Snapshot],
): string[] {
  if ([...(old ?? []), ...(next ?? [])].some(isNoPattern)) return [];
  const mayOld = compileAllowedModels(old);
  const mayNext = compileAllowedModels(next);
  if (mayOld === null && mayNext === null) return [];
  const named = (own: readonly string[] | null, { models }: Snapshot) =>
    own === null || own.includes('*') ? [...models] : own;
  const lost = mayNext ? named(old, before).filter((model) => !mayNext(model)) : [];
  const gained = mayOld ? named(next, after).filter((model) => !mayOld(model)) : [];
  const reasons: string[] = [];
  if (mayOld === null) reasons.push('may no longer use all models');
  if (lost.length > 0) reasons.push(`may no longer use ${list(lost)}`);
  if (mayNext === null) reasons.push('may use all models');
  else if (gained.length > 0) reasons.push(`may use ${list(gained)}`);
  return reasons;
}

function isNoPattern(entry: string): boolean {
  return typeof compileModelPattern(entry) === 'string';
}

function list(models: readonly string[]): string {
  const more = models.length - 5;
  return `${models.slice(0, 5).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function limit(rate: number | null): string {
  return rate === null ? 'none' : `${rate}/s`;
}
