import type { Configuration } from '../config/configuration.js';
import { ConfigError, describeProblem, type Problem } from '../config/problem.js';
import { authored } from '../db/author.js';
import type { Sql } from '../db/client.js';
import { configVersion } from '../db/queries/configuration/config-version.js';
import { GatewayError, toGatewayError } from '../errors.js';
import type { ChangeAuthor, ChangeControl } from './change-control.js';
import { query } from './query.js';

/** Some checks wait for others first, and each may have to read a hundred thousand keys. */
const checkTimeoutMs = 60_000;

/**
 * Commits a change of the configuration's rows and, where its author waits, makes it active.
 * @returns the result of `work`, and the version of the configuration that contains the change.
 * @throws GatewayError as `query`; after the commit, `invalid_configuration` or `unavailable`, with
 *   a message that says so.
 */
export async function commit<T>(
  control: ChangeControl,
  { actor, isCommand, waits }: ChangeAuthor,
  work: (sql: Sql) => Promise<T>,
  timeoutMs?: number,
): Promise<{ result: T; version: number }> {
  const { daemon } = control;
  const author = { actor, source: isCommand ? 'cli' : 'admin', message: null, daemon } as const;
  const result = await query(control, (sql) => work(authored(sql, author)), timeoutMs);
  if (waits) return { result, version: await activate(control) };
  const { version } = await query(control, configVersion);
  return { result, version };
}

/**
 * Refuses a row that the daemon could not use.
 * @param problems the row's problems; their paths start with `at` and a dot.
 * @throws GatewayError `invalid_request` naming the field.
 */
export function refuseProblems(problems: readonly Problem[], at: string): void {
  const named = problems.map(({ path, reason }) => ({
    param: path.startsWith(`${at}.`) ? path.slice(at.length + 1) : path,
    reason,
  }));
  const [first] = named;
  if (!first) return;
  const message = named.map(({ param, reason }) => `${param}: ${reason}`).join('; ');
  throw new GatewayError('invalid_request', message, { param: first.param });
}

/**
 * Refuses a change that would make rows and override files together invalid.
 * @param known the rows before the change; undefined: they are read.
 * @throws GatewayError `invalid_configuration`.
 */
export async function refuseUnusable(
  control: ChangeControl,
  author: Pick<ChangeAuthor, 'isCommand'>,
  changeRows: (rows: Configuration) => Configuration,
  known?: Configuration,
): Promise<void> {
  const find = () => control.problemsOf(changeRows, author, known);
  const problems = await query(control, find, checkTimeoutMs);
  if (problems.length === 0) return;
  const listed = problems.map(describeProblem);
  throw new GatewayError(
    'invalid_configuration',
    `Nothing was changed. With this change the configuration could not be used: ${listed.join('; ')}`,
  );
}

async function activate(control: ChangeControl): Promise<number> {
  try {
    return (await control.reload()).configuration.version;
  } catch (error) {
    const isRefused = error instanceof GatewayError && error.code === 'invalid_configuration';
    if (error instanceof ConfigError || isRefused) {
      const reason = `The change is saved, but the configuration cannot be used: ${error.message}`;
      throw new GatewayError('invalid_configuration', reason, { cause: error });
    }
    const { message } = toGatewayError(error);
    const reason = `The change is saved, but it is not yet in use by every worker: ${message}`;
    throw new GatewayError('unavailable', reason, {
      headers: { 'retry-after': '1' },
      cause: error,
    });
  }
}
