import type { TeamRow } from '../../db/queries/rows.js';
import type { AsJson } from '../admin-api.js';
import { cacheText } from '../cache-flags.js';
import { limitsText } from '../limit-flags.js';
import { note, printFields, printTable } from '../output.js';
import { localTime } from '../times.js';

/** A team as the admin API shows it. */
export type ShownTeam = AsJson<TeamRow>;

/** Prints a table of teams for people. */
export function printTeams(rows: readonly ShownTeam[]): void {
  if (rows.length === 0) note('no teams yet; create one: llmproxy teams create --help');
  else {
    printTable(rows, [
      { header: 'ID', value: (row) => String(row.id), align: 'right' },
      { header: 'NAME', value: (row) => row.name },
      { header: 'KEYS', value: (row) => String(row.keys), align: 'right' },
      { header: 'WEIGHT', value: (row) => String(row.weight), align: 'right' },
      { header: 'MODELS', value: models, shrinkTo: 8 },
      { header: 'LIMITS', value: (row) => limitsText(row.limits), shrinkTo: 12 },
      { header: 'TAGS', value: (row) => row.tags.join(', '), shrinkTo: 8 },
    ]);
  }
}

/** Prints everything about one team for people. */
export function printTeam(row: ShownTeam): void {
  printFields([
    ['name', row.name],
    ['id', String(row.id)],
    ['keys', String(row.keys)],
    ['models', models(row)],
    ['limits', limitsText(row.limits)],
    ['cache', cacheText(row.cache, 'none')],
    ['weight', String(row.weight)],
    ['tags', row.tags.join(', ') || 'none'],
    ['admins', row.admins.join(', ') || 'none'],
    ['created', localTime(row.created_at)],
    ['updated', localTime(row.updated_at)],
  ]);
}

function models({ allowed_models }: ShownTeam): string {
  if (allowed_models === null || allowed_models.includes('*')) return 'all';
  return allowed_models.join(', ') || 'none';
}
