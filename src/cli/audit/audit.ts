import { Command } from 'commander';
import type { AuditEntry, AuditFilter } from '../../db/queries/audit/list-audit.js';
import { PeriodError, parsePeriod } from '../../observe/usage/period.js';
import type { AsJson } from '../admin-api.js';
import { wholeNumber } from '../arguments.js';
import { openGateway } from '../daemon/ask-daemon.js';
import { remoteUrl } from '../daemon/remote-gateway.js';
import { addGatewayOptions, type DatabaseFlags, withDatabase } from '../database/connection.js';
import { usageError } from '../failure.js';
import { note, printJson, printTable } from '../output.js';
import { localZone, timeIn } from '../times.js';
import { auditExportCommand, auditVerifyCommand } from './audit-chain.js';

interface AuditFlags extends DatabaseFlags {
  since: string;
  object?: string;
  actor?: string;
  limit: number;
}

/** `llmproxy audit …`: the history of changes. Without a subcommand it is `audit list`. */
export function auditCommand(): Command {
  return new Command('audit')
    .description('list, verify or export the history of changes')
    .addCommand(auditListCommand(), { isDefault: true })
    .addCommand(auditVerifyCommand())
    .addCommand(auditExportCommand())
    .addHelpText('after', '\nExample:\n  $ llmproxy audit list --since 30d');
}

function auditListCommand(): Command {
  return addGatewayOptions(
    new Command('list')
      .alias('ls')
      .description('list changes of providers and keys, with their authors')
      .option('--since <time>', 'an age (24h, 7d, 30m) or a time in ISO 8601', '7d')
      .option('--object <name>', 'only changes of this provider or key')
      .option('--actor <actor>', 'only changes by this actor, such as admin:alice')
      .option('--limit <n>', 'maximum number of entries', wholeNumber('--limit', 1, 100_000), 100),
  )
    .addHelpText(
      'after',
      `
Secrets are hidden. --json includes the values before and after.

Examples:
  $ llmproxy audit list
  $ llmproxy audit list --since 30d --object openai --json`,
    )
    .action(run);
}

async function run({ since, object, actor, limit, ...flags }: AuditFlags): Promise<void> {
  const filter = { ...periodOf(since), limit, object: object ?? null, actor: actor ?? null };
  const entries = await readAudit(filter, flags);
  if (flags.json) printJson(entries);
  else if (entries.length === 0) note('no changes in this period');
  else {
    const daemon = { header: 'DAEMON', value: (entry: AuditEntry) => entry.daemon ?? '' };
    const zone = localZone();
    note(`times in ${zone}`);
    printTable(entries, [
      { header: 'WHEN', value: ({ at }) => timeIn(zone, at) },
      { header: 'WHO', value: (entry) => entry.actor, shrinkTo: 10 },
      ...(entries.some((entry) => entry.daemon !== null) ? [{ ...daemon, shrinkTo: 10 }] : []),
      { header: 'ACTION', value: ({ action }) => action },
      { header: 'OBJECT', value: ({ kind, object: name }) => `${kind} ${name}`, shrinkTo: 12 },
      { header: 'FIELDS', value: fields, shrinkTo: 10 },
    ]);
  }
}

/** From the database, or from the gateway that the flags name. */
async function readAudit(filter: AuditFilter, flags: DatabaseFlags): Promise<AuditEntry[]> {
  if (remoteUrl(flags) === null) {
    const { listAudit } = await import('../../db/queries/audit/list-audit.js');
    return await withDatabase(flags, 'read', (sql) => listAudit(sql, filter));
  }
  const { since, limit, object, actor } = filter;
  const query = new URLSearchParams({ since: since.toISOString(), limit: String(limit) });
  if (object) query.set('object', object);
  if (actor) query.set('actor', actor);
  const ask = await openGateway(flags, flags.json);
  const { audit } = (await ask(`/admin/v1/audit?${query}`)) as { audit: AsJson<AuditEntry>[] };
  return audit.map((entry) => ({ ...entry, at: new Date(entry.at) }));
}

function fields({ action, before, after }: AuditEntry): string {
  if (action !== 'update') return '';
  return [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])].join(', ');
}

/** Ends a little after now: the database's clock may be ahead of this one. */
function periodOf(since: string) {
  try {
    const { since: from } = parsePeriod(since, undefined);
    return { since: from, until: new Date(Date.now() + 86_400_000) };
  } catch (error) {
    throw error instanceof PeriodError ? usageError(`--since: ${error.message}`) : error;
  }
}
