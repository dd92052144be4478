import type { Sql } from './client.js';
import { withDeadline } from './with-deadline.js';

/** A report exceeds its limit of time or space; the message says which. */
export class ReportError extends Error {
  override readonly name = 'ReportError';
}

const maxSeconds = 60;
/** For failures that the server does not notice, such as a half-open connection. */
const patienceMs = (maxSeconds + 5) * 1_000;
/**
 * Limit of temporary files of one report; if the role may not set it, the DBA's setting applies.
 */
const maxTemporary = '2GB';

/** Memory of each step that sorts or groups, before it uses temporary files: enough for 100,000 groups. */
const sortMemory = '32MB';

/**
 * Runs one long SELECT within limits that the server enforces. They are set in the same simple
 * query, since a pooler in transaction mode keeps one connection only for that long.
 * @param statement without parameters: see `literal`.
 * @throws ReportError past a limit; the signal's reason, after the query is cancelled.
 */
export async function runReport<R>(
  sql: Sql,
  statement: string,
  signal?: AbortSignal,
): Promise<R[]> {
  // Compiling a report with its many parts would take longer than running it.
  const text = `SET LOCAL statement_timeout = '${maxSeconds}s';
    SET LOCAL jit = off;
    SELECT set_config('work_mem', '${sortMemory}', true)
    WHERE pg_size_bytes(current_setting('work_mem')) < pg_size_bytes('${sortMemory}');
    DO $$BEGIN
      PERFORM set_config('temp_file_limit', '${maxTemporary}', true);
    EXCEPTION WHEN insufficient_privilege THEN NULL;
    END$$;
    ${statement}`;
  try {
    const run = (pool: Sql) => pool.unsafe(text);
    const results = await withDeadline(sql, patienceMs, 'The report', run, signal);
    return [...(results.at(-1) as object as R[])];
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code === '57014') throw new ReportError(`it takes longer than ${maxSeconds} s`);
    if (code === '53400') throw new ReportError('it needs more temporary files than it may have');
    throw error;
  }
}

/** A value as an SQL literal. */
export function literal(value: string | number | Date | null): string {
  if (value === null) return 'NULL';
  if (value instanceof Date) return `'${value.toISOString()}'::timestamptz`;
  if (typeof value === 'number') return String(value);
  return `E'${value.replace(/[\\']/g, '\\$&').replaceAll('\0', '\ufffd')}'`;
}

/** A condition that a column equals this text, in which `*` stands for any characters. */
export function matches(column: string, pattern: string): string {
  if (!pattern.includes('*')) return `${column} = ${literal(pattern)}`;
  return `${column} LIKE ${literal(pattern.replace(/[\\%_]/g, '\\$&').replaceAll('*', '%'))}`;
}
