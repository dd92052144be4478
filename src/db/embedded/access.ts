import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Sql } from '../client.js';
import { lockKey } from '../migrate.js';
import type { Place } from './place.js';

/** Owns the database and its tables, and may do everything; used for migrations. */
export const superuser = 'llmproxy';
/** The role of the daemon and commands. It may not change functions, triggers or the audit log. */
export const daemonRole = 'llmproxy_daemon';

/** Generated passwords, one for each role. */
export interface Passwords {
  [superuser]: string;
  [daemonRole]: string;
}

/** Null until a server has been started with `writeRules`, also for data of an older version. */
export function readPasswords({ root }: Place): Passwords | null {
  try {
    return JSON.parse(readFileSync(passwordFile(root), 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * Writes the server's `hba_file`. Without passwords, everybody who can enter the directory of its
 * socket may connect, until `setUpAccess` has made passwords.
 */
export function writeRules({ root }: Place, passwords: Passwords | null): void {
  replaceFile(rulesFile(root), `local all all ${passwords ? 'scram-sha-256' : 'trust'}\n`, 0o644);
}

export function rulesFile(root: string): string {
  return join(root, 'pg_hba.conf');
}

/** Gives both roles a password, stores the passwords, and makes the server ask for them. */
export async function setUpAccess(place: Place, sql: Sql): Promise<Passwords> {
  const passwords = { [superuser]: newPassword(), [daemonRole]: newPassword() };
  const [found] = await sql`SELECT FROM pg_roles WHERE rolname = ${daemonRole}`;
  if (!found) await sql.unsafe(`CREATE ROLE ${daemonRole} LOGIN`);
  for (const [role, password] of Object.entries(passwords)) {
    await sql.unsafe(`ALTER ROLE ${role} PASSWORD '${password}'`);
  }
  replaceFile(passwordFile(place.root), `${JSON.stringify(passwords)}\n`, 0o600);
  writeRules(place, passwords);
  await sql`SELECT pg_reload_conf()`;
  return passwords;
}

/**
 * Grants the daemon's role what it needs in the database of `sql`, and no more. It owns nothing and
 * may create nothing in the schema: the owner's triggers and migrations would use an operator or
 * function there that fits better than PostgreSQL's own, with all their rights. Changes nothing if
 * nothing is missing.
 */
export async function grantDaemon(sql: Sql): Promise<void> {
  await sql.unsafe(`DO $$
    DECLARE
      tab record;
    BEGIN
      SET LOCAL search_path = pg_catalog, pg_temp;
      PERFORM pg_advisory_xact_lock(${lockKey});
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${daemonRole}') THEN RETURN; END IF;
      IF has_schema_privilege('${daemonRole}', 'public', 'CREATE') THEN
        REVOKE CREATE ON SCHEMA public FROM ${daemonRole};
      END IF;
      -- Reports limit their own temporary files.
      IF NOT has_parameter_privilege('${daemonRole}', 'temp_file_limit', 'SET') THEN
        GRANT SET ON PARAMETER temp_file_limit TO ${daemonRole};
      END IF;
      FOR tab IN
        SELECT oid, relname, relkind, relowner::regrole::text AS owner,
          relname IN ('audit_log', 'audit_chain', 'llmproxy_migrations') AS is_fixed
        FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'S')
      LOOP
        IF tab.relkind = 'S' THEN
          IF tab.relname !~ '^audit_' AND NOT has_sequence_privilege('${daemonRole}', tab.oid, 'USAGE') THEN
            EXECUTE format('GRANT USAGE, SELECT ON SEQUENCE public.%I TO ${daemonRole}', tab.relname);
          END IF;
          CONTINUE;
        END IF;
        IF tab.owner = '${daemonRole}' THEN
          EXECUTE format('ALTER TABLE public.%I OWNER TO CURRENT_USER', tab.relname);
        END IF;
        IF NOT has_table_privilege('${daemonRole}', tab.oid, 'SELECT') THEN
          EXECUTE format('GRANT SELECT%s ON public.%I TO ${daemonRole}',
            CASE WHEN tab.is_fixed THEN '' ELSE ', INSERT, UPDATE, DELETE' END, tab.relname);
        END IF;
      END LOOP;
    END$$`);
}

/** 256 bits, like SHA-256, in characters that never need quotes. */
function newPassword(): string {
  return randomBytes(32).toString('base64url');
}

export function passwordFile(root: string): string {
  return join(root, 'passwords');
}

/** Replaces it atomically. Only this process's user may write in the directory. */
function replaceFile(file: string, text: string, mode: number): void {
  const temporary = `${file}.${process.pid}`;
  rmSync(temporary, { force: true });
  writeFileSync(temporary, text, { mode, flag: 'wx', flush: true });
  renameSync(temporary, file);
}
