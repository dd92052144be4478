import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Finding, failed, ok, warning } from '../../admin/health/finding.js';
import type { Settings } from '../../config/settings/settings.js';
import type { Processes } from '../../daemon/workers/processes-file.js';
import type { Sql } from '../../db/client.js';
import { counted } from '../../observe/counted.js';
import type { StoredConfiguration } from '../config/stored-configuration.js';
import { getFromDaemon } from '../daemon/ask-daemon.js';
import { type DatabaseFlags, withDatabase } from '../database/connection.js';
import { errorMessage } from '../failure.js';
import { enabling } from '../provider/provider-view.js';
import { checkNames } from './doctor-names.js';

/** Rate limits and expiry depend on each machine's clock. */
const smallSkewMs = 1_000;
const largeSkewMs = 60_000;

export interface DatabaseFindings {
  findings: Finding[];
  /** Null if it could not be read. */
  stored: StoredConfiguration | null;
}

/** Checks the database and the configuration in it. Changes nothing. */
export async function checkDatabase(
  flags: DatabaseFlags,
  settings: Settings,
  running: Processes | null,
): Promise<DatabaseFindings> {
  const { url } = settings.database;
  const found = running && (await checkDaemonsDatabase(settings, running));
  if (found) return { findings: [found, await checkOverrides(settings)], stored: null };
  if (url === null && !existsSync(join(settings.data_dir, 'postgres'))) {
    const detail = 'embedded; it is made at the first start';
    return { findings: [ok('database', detail), await checkOverrides(settings)], stored: null };
  }
  try {
    return await withDatabase(flags, 'any', (sql) => look(sql, settings));
  } catch (error) {
    const findings = [failed('database', errorMessage(error), todoFor(error, url === null))];
    return { findings: [...findings, await checkOverrides(settings)], stored: null };
  }
}

function todoFor(error: unknown, isEmbedded: boolean): string {
  if (!isEmbedded) return 'see that it runs and that DB_URL is right; models are served meanwhile';
  // At the first start tables are made before the rights of the role that uses them.
  const isBeingMade = error instanceof Error && Reflect.get(error, 'code') === '42501';
  return isBeingMade
    ? 'the gateway may be making it: look again in a moment'
    : 'see the log of the gateway; its files are in the data directory';
}

/**
 * The finding about the running daemon's database if this command cannot open it; null if it can.
 */
async function checkDaemonsDatabase(
  settings: Settings,
  { database }: Processes,
): Promise<Finding | null> {
  if (!database || database === 'embedded' || settings.database.url !== null) return null;
  const answer = await getFromDaemon(settings, '/admin/v1/database').catch(() => null);
  const whose = `${database}, as the running gateway uses it`;
  if (answer?.status !== 200) {
    return failed('database', `${whose}, is not available`, 'see that it runs; models are served');
  }
  const todo = 'to check more, give this command the same DB_URL';
  return warning('database', `${whose}, is available; this command does not have its URL`, todo);
}

async function look(sql: Sql, settings: Settings): Promise<DatabaseFindings> {
  const [found] = await sql`SHOW server_version`;
  const isEmbedded = settings.database.url === null;
  const kind = isEmbedded ? 'embedded, ' : '';
  const findings = [ok('database', `${kind}PostgreSQL ${found?.server_version}`)];
  const migrations = await checkMigrations(sql, isEmbedded);
  findings.push(migrations, await checkClock(sql));
  if (migrations.state !== 'ok') return { findings, stored: null };
  findings.push(await checkFleet(sql));
  const { readStoredConfiguration } = await import('../config/stored-configuration.js');
  try {
    const stored = await readStoredConfiguration(sql, settings);
    return { findings: [...findings, ...configurationFindings(stored)], stored };
  } catch (error) {
    const [detail = ''] = errorMessage(error).split('\n');
    const todo = 'fix it: a running gateway keeps its old configuration, a new one will not start';
    findings.push(failed('configuration', detail, todo));
    return { findings, stored: null };
  }
}

async function checkMigrations(sql: Sql, isEmbedded: boolean): Promise<Finding> {
  const { migrationStatus, newerSchema, requireCreate } = await import('../../db/migrate.js');
  const states = await migrationStatus(sql);
  const newer = await newerSchema(sql);
  if (newer) {
    const detail = `a newer llmproxy has migrated the database (${newer.version}, ${newer.name})`;
    const todo = 'use the newer llmproxy that migrated it';
    return newer.isCompatible
      ? warning('migrations', `${detail}; this version still works with it`, todo)
      : failed('migrations', detail, todo);
  }
  try {
    // The daemon's role in the embedded database creates nothing: the owner does.
    if (!isEmbedded) await requireCreate(sql);
  } catch (error) {
    return failed('migrations', errorMessage(error), 'partitions of usage are made each day too');
  }
  const pending = states.filter(({ appliedAt }) => appliedAt === null).length;
  if (pending === 0) return ok('migrations', `all ${states.length} are applied`);
  const todo = 'llmproxy migrate up (the gateway also does it when it starts)';
  return warning('migrations', `${pending} of ${states.length} are not applied`, todo);
}

async function checkClock(sql: Sql): Promise<Finding> {
  const beforeMs = Date.now();
  const [row] = await sql`SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS ms`;
  const afterMs = Date.now();
  // The round trip's time is not counted as skew.
  const aheadMs = Math.max(0, row?.ms - afterMs, beforeMs - row?.ms);
  if (aheadMs < smallSkewMs) return ok('clock', "agrees with the database's");
  const detail = `differs from the database's by ${(aheadMs / 1000).toFixed(1)} s`;
  const todo = 'let both machines take the time from NTP: timedatectl set-ntp true';
  return aheadMs < largeSkewMs ? warning('clock', detail, todo) : failed('clock', detail, todo);
}

/**
 * Daemons of one database should have one version, use one configuration and share their limits.
 */
async function checkFleet(sql: Sql): Promise<Finding> {
  const [{ readDaemons }, { describeFleet }] = await Promise.all([
    import('../../db/queries/fleet/daemons.js'),
    import('../../admin/describe-fleet.js'),
  ]);
  const { daemons: rows, configVersion } = await readDaemons(sql);
  const { daemons, versions } = describeFleet(rows, configVersion);
  const live = daemons.filter(({ state }) => state !== 'gone');
  const detail = `${counted(live.length, 'daemon')} on this database`;
  const stores = new Set(live.map(({ limit_store }) => limit_store));
  if (stores.size > 1) {
    const todo = 'give all of them the same fleet.valkey_url: each store has limits of its own';
    return failed('fleet', `${detail} lease limits from ${[...stores].join(' and ')}`, todo);
  }
  if (versions.length > 1) {
    const todo = 'upgrade the others too: see docs/fleet.md';
    return warning('fleet', `${detail} are of different versions: ${versions.join(', ')}`, todo);
  }
  const behind = live.filter((each) => each.behind > 0).map(({ id }) => id);
  if (behind.length > 0) {
    const todo = 'see its log for the reason: llmproxy doctor on that machine';
    return warning(
      'fleet',
      `${detail}; not at version ${configVersion}: ${behind.join(', ')}`,
      todo,
    );
  }
  const gone = daemons.length - live.length;
  return ok('fleet', gone === 0 ? detail : `${detail}; ${gone} gone in the last hour`);
}

function configurationFindings(stored: StoredConfiguration) {
  const { configuration, unusable, unchecking, inClear } = stored;
  const findings: Finding[] = [];
  const { version, providers, credentials } = configuration;
  const enabled = providers.filter(({ is_enabled }) => is_enabled).length;
  const usable = credentials.filter(({ is_enabled }) => is_enabled).length;
  const detail = `version ${version}: ${counted(enabled, 'provider')}, ${counted(usable, 'key')}, override files included`;
  if (enabled === 0 && unusable.length === 0) {
    const [disabled] = providers;
    const todo = disabled ? enabling(disabled.provider_key) : 'llmproxy provider add --help';
    findings.push(warning('configuration', 'no provider is enabled', todo));
  } else if (usable === 0) {
    findings.push(warning('configuration', 'no key is enabled', 'llmproxy keys create --help'));
  } else findings.push(ok('configuration', detail));
  findings.push(...checkNames(configuration));
  for (const { provider, reason } of unusable) {
    const todo = `give it another: llmproxy provider update ${provider} --api-key-env VARIABLE`;
    findings.push(failed('secrets', `provider ${provider}: its api_key ${reason}`, todo));
  }
  for (const { guardrail, reason } of unchecking) {
    const todo = `give it another: llmproxy guardrails update ${guardrail} --secret-env VARIABLE`;
    findings.push(failed('secrets', `guardrail ${guardrail}: its secret ${reason}`, todo));
  }
  if (inClear.length > 0) {
    const detail = `stored in the clear: secrets of ${inClear.join(', ')}`;
    findings.push(warning('secrets', detail, 'encrypt them: llmproxy secrets encrypt'));
  }
  const all = unusable.length + unchecking.length + inClear.length;
  if (all === 0) findings.push(ok('secrets', 'all can be read'));
  return findings;
}

/** Checks override files alone, for when the rows cannot be read. */
async function checkOverrides({ overrides_dir: folder }: Settings): Promise<Finding> {
  const check = 'override files';
  const [{ readOverrideFiles }, { parseOverride }, { describeProblem }] = await Promise.all([
    import('../../daemon/follow/override-files.js'),
    import('../../config/overrides.js'),
    import('../../config/problem.js'),
  ]);
  try {
    const files = await readOverrideFiles(folder ?? '');
    const problems: Parameters<typeof parseOverride>[1] = [];
    for (const file of files) parseOverride(file, problems);
    const [problem] = problems;
    if (problem) return failed(check, describeProblem(problem), 'fix the file');
    return ok(check, files.length === 0 ? 'none' : `${files.length} are well formed`);
  } catch (error) {
    return failed(check, errorMessage(error), `see that this user may read ${folder}`);
  }
}
