import type { Configuration } from '../config/configuration.js';
import { ConfigError, describeProblem, type Problem } from '../config/problem.js';
import { authored } from '../db/author.js';
import type { Sql } from '../db/client.js';
import { configVersion } from '../db/queries/config-version.js';
import { GatewayError, toGatewayError } from '../errors.js';
import type { BulkControl } from './bulk-control.js';
import { query } from './query.js';
import type { AdminRequest, Parameter } from './route.js';

/** Some checks wait for others first, and each may have to read a hundred thousand keys. */
const checkTimeoutMs = 60_000;

/** The parameter `wait` of every operation that changes providers or keys. */
export const waitParameter: Parameter = {
  name: 'wait',
  in: 'query',
  description:
    '`active`: answer when every worker uses the change. Otherwise the answer comes when the change is committed, a moment before it is used.',
  schema: { type: 'string', enum: ['active'] },
};

/**
 * Commits a change of the configuration's rows and, with `?wait=active`, waits until it is active.
 * @returns the result of `commit`, and the version of the configuration that contains the change.
 * @throws GatewayError as `query`; after the commit, `invalid_configuration` or `unavailable`, with
 *   a message that says so.
 */
export async function change<T>(
  control: BulkControl,
  request: AdminRequest,
  commit: (sql: Sql) => Promise<T>,
  timeoutMs?: number,
): Promise<{ result: T; version: number }> {
  const author = { actor: request.actor, source: 'admin', message: null } as const;
  const result = await query(control, (sql) => commit(authored(sql, author)), timeoutMs);
  if (request.query.get('wait') === 'active') {
    return { result, version: await activate(control) };
  }
  const { version } = await query(control, configVersion);
  return { result, version };
}

/**
 * Refuses a row that the daemon could not use.
 * @param problems the row's problems; their paths start with `at` and a dot.
 * @throws GatewayError `invalid_request` naming the field.
 */
export function refuseProblems(problems: readonly Problem[], at: string): void {
  const told = problems.map(({ path, reason }) => ({
    param: path.startsWith(`${at}.`) ? path.slice(at.length + 1) : path,
    reason,
  }));
  const [first] = told;
  if (!first) return;
  const message = told.map(({ param, reason }) => `${param}: ${reason}`).join('; ');
  throw new GatewayError('invalid_request', message, { param: first.param });
}

/**
 * Refuses a change that would make rows and override files together invalid.
 * @throws GatewayError `invalid_configuration`.
 */
export async function refuseUnusable(
  control: BulkControl,
  changeRows: (rows: Configuration) => Configuration,
): Promise<void> {
  const problems = await query(control, () => control.problemsOf(changeRows), checkTimeoutMs);
  if (problems.length === 0) return;
  throw new GatewayError(
    'invalid_configuration',
    `Nothing was changed. With this change the configuration could not be used: ${problems.map(describeProblem).join('; ')}`,
  );
}

async function activate(control: BulkControl): Promise<number> {
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
