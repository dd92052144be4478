import type { CredentialRow } from '../../db/queries/rows.js';
import type { AsJson } from '../admin-api.js';
import { cacheText } from '../cache-flags.js';
import { limitsText } from '../limit-flags.js';
import { note, printFields, printTable } from '../output.js';
import { localTime } from '../times.js';

/** A key as the admin API shows it: without its hash. */
export type ShownKey = AsJson<Omit<CredentialRow, 'credential_key' | 'previous_key'>>;

/** A key as JSON for scripts, with a preview of the key itself and no hash. */
export function keyJson(row: ShownKey) {
  const { id, name, key_preview, allowed_models, rate_limit, burst, is_enabled } = row;
  const { expires_at, allowed_ips, tags, store_bodies, losses, previous_expires_at } = row;
  const { team, limits, weight, priority, cache } = row;
  const { last_used_at, created_at, updated_at } = row;
  return {
    ...{ id, name, key_preview, allowed_models, rate_limit, burst, is_enabled },
    ...{ expires_at, allowed_ips, tags, store_bodies, losses, previous_expires_at },
    ...{ team, limits, weight, priority, cache },
    ...{ last_used_at, created_at, updated_at },
  };
}

/** Prints a table of keys for people. */
export function printKeys(rows: readonly ShownKey[]): void {
  if (rows.length === 0) note('no keys yet; create one: llmproxy keys create --help');
  else {
    printTable(rows, [
      { header: 'ID', value: (row) => String(row.id), align: 'right' },
      // Not shortened: two shortened names could look the same.
      { header: 'NAME', value: (row) => row.name },
      ...(rows.some(({ team }) => team !== null)
        ? [{ header: 'TEAM', value: (row: ShownKey) => row.team ?? '-', shrinkTo: 8, isName: true }]
        : []),
      { header: 'KEY', value: preview },
      { header: 'STATUS', value: status },
      { header: 'LIMIT', value: limit, align: 'right' },
      { header: 'MODELS', value: models, shrinkTo: 8 },
      { header: 'USED', value: lastUsed },
      ...(rows.some(({ tags }) => tags.length > 0)
        ? [{ header: 'TAGS', value: tagged, shrinkTo: 8 }]
        : []),
    ]);
  }
}

/** Prints everything about one key, except secrets, for people. */
export function printKey(row: ShownKey): void {
  printFields([
    ['name', row.name],
    ['id', String(row.id)],
    ['key', preview(row)],
    ['status', status(row)],
    ['team', row.team ?? 'none'],
    ['limit', limit(row)],
    ['limits', limitsText(row.limits)],
    ['share', `weight ${row.weight}, priority ${row.priority}`],
    ['models', models(row)],
    ['from', row.allowed_ips?.join(', ') ?? 'everywhere'],
    ['tags', tagged(row) || 'none'],
    ['bodies', row.store_bodies ? 'stored' : 'not stored'],
    ['cache', cacheText(row.cache, 'the team’s rules')],
    ['losses', row.losses ?? 'as each provider says'],
    ['expires', row.expires_at ? localTime(row.expires_at) : 'never'],
    ...(row.previous_expires_at
      ? [['old key', `valid until ${localTime(row.previous_expires_at)}`] as const]
      : []),
    ['last used', row.last_used_at ? localTime(row.last_used_at) : 'never'],
    ['created', localTime(row.created_at)],
    ['updated', localTime(row.updated_at)],
  ]);
}

/** Rows of an adopted database have no preview, since only the hash is known. */
function preview({ key_preview }: ShownKey): string {
  return key_preview || '…';
}

function status({ is_enabled, expires_at }: ShownKey): string {
  if (!is_enabled) return 'disabled';
  return expires_at && Date.parse(expires_at) <= Date.now() ? 'expired' : 'enabled';
}

function tagged({ tags }: ShownKey): string {
  return tags.join(', ');
}

/** Time since the last use, in its largest unit. */
function lastUsed({ last_used_at }: ShownKey): string {
  if (last_used_at === null) return 'never';
  const minutes = Math.max(0, Math.floor((Date.now() - Date.parse(last_used_at)) / 60_000));
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${minutes}m ago`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours}h ago` : `${Math.floor(hours / 24)}d ago`;
}

function limit({ rate_limit, burst }: ShownKey): string {
  if (rate_limit === null) return 'unlimited';
  if (rate_limit === 0) return 'blocked';
  return burst === null ? `${rate_limit}/s` : `${rate_limit}/s, ${burst} at once`;
}

function models({ allowed_models }: ShownKey): string {
  if (allowed_models === null || allowed_models.includes('*')) return 'all';
  return allowed_models.join(', ') || 'none';
}
