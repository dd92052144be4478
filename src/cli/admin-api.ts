import type { ChangeControl } from '../changes/change-control.js';
import type { Settings } from '../config/settings/settings.js';
import { type ErrorCode, errorTable, GatewayError } from '../errors.js';
import { packageVersion } from '../package.js';
import { cliActor } from './actor.js';
import { type Activation, activate } from './daemon/activate.js';
import { unreachable } from './daemon/ask-daemon.js';
import {
  type Ask,
  askControlSocket,
  type ControlRequest,
  type ControlSocket,
} from './daemon/control-socket.js';
import { remoteAsk, remoteUrl } from './daemon/remote-gateway.js';
import { settingsForUse } from './daemon/settings.js';
import { type DatabaseFlags, settingsFlags, withDatabase } from './database/connection.js';
import { CliError, errorMessage } from './failure.js';

/** Far more than any answer takes, except documents of 100,000 keys. */
const timeoutMs = 130_000;
/** A daemon that does not answer within this time counts as not running. */
const probeTimeoutMs = 2_000;

/** The admin API as commands use it. */
export interface AdminApi {
  /**
   * @param path below `/admin/v1`.
   * @returns the JSON of the answer.
   * @throws GatewayError
   */
  ask<T>(method: 'GET' | 'POST' | 'PUT', path: string, body?: object): Promise<T>;
  /**
   * @returns the version without the row.
   * @throws GatewayError
   */
  delete(path: string): Promise<number>;
  /** Like `ask`, for answers in YAML. */
  text(path: string): Promise<string>;
}

/**
 * Gives a command the admin API of the gateway that it names, or of this data directory's daemon if
 * one of this version runs on the same database; otherwise the same operations run in this process,
 * on the database.
 * @param schema as for `withDatabase`.
 * @throws CliError also in place of a GatewayError that `use` throws.
 */
export async function withAdminApi<T>(
  flags: DatabaseFlags,
  schema: 'read' | 'ready',
  use: (api: AdminApi, ask: Ask) => Promise<T>,
): Promise<T> {
  try {
    const url = remoteUrl(flags);
    if (url !== null) {
      const { loadSettings } = await import('../config/settings/settings.js');
      const ask = await remoteAsk(url, flags, loadSettings(settingsFlags(flags)), flags.json);
      return await use(apiOver(over(ask)), ask);
    }
    const settings = await settingsForUse(settingsFlags(flags), flags.json);
    const socket = { dataDir: settings.data_dir, adminKey: settings.admin.key };
    const ask: Ask = (request) => askControlSocket(socket, request);
    if (await isServing(socket, settings)) return await use(daemonApi(socket), ask);
    return await withDatabase(flags, schema, async (sql) => {
      const { openChangeControl } = await import('../daemon/change-control.js');
      const control = await openChangeControl(settings, sql, noDaemon, null);
      return await use(apiOver(overDatabase(control)), ask);
    });
  } catch (error) {
    throw error instanceof GatewayError ? new CliError(errorMessage(error)) : error;
  }
}

/**
 * Makes a change over the admin API, then waits until the gateway uses it.
 * @param change returns the `version` of the answer with its result; if it throws, nothing is
 *   activated.
 */
export async function changeOver<T extends { version: number }>(
  flags: DatabaseFlags,
  change: (api: AdminApi) => Promise<T>,
): Promise<{ result: T; activation: Activation }> {
  const { result, ask } = await withAdminApi(flags, 'ready', async (api, ask) => ({
    result: await change(api),
    ask,
  }));
  const activation = await activate({ ask, minVersion: result.version, json: flags.json });
  return { result, activation };
}

/** The admin API of a daemon. */
export function daemonApi(socket: ControlSocket): AdminApi {
  const ask: Ask = async (request) => {
    try {
      return await askControlSocket(socket, request);
    } catch (error) {
      throw unreachable(error, socket.dataDir, request.timeoutMs);
    }
  };
  return apiOver(over(ask));
}

/** A row as JSON, in which times are text. */
export type AsJson<Row> = {
  [Column in keyof Row]: Date extends Row[Column]
    ? Exclude<Row[Column], Date> | string
    : Row[Column];
};

type Send = (request: Omit<ControlRequest, 'timeoutMs'>) => Promise<string>;

function apiOver(send: Send): AdminApi {
  const at = (path: string) => `/admin/v1${path}`;
  return {
    ask: async (method, path, body) => JSON.parse(await send({ method, path: at(path), body })),
    delete: async (path) => {
      await send({ method: 'DELETE', path: at(path) });
      const { versions } = JSON.parse(await send({ path: at('/config/history?limit=1') }));
      return versions[0].version;
    },
    text: (path) => send({ path: at(path) }),
  };
}

function over(ask: Ask): Send {
  return async (request) => {
    const { status, text } = await ask({ ...request, timeoutMs });
    if (status < 300) return text;
    throw errorIn(text);
  };
}

function overDatabase(control: ChangeControl): Send {
  return async ({ method = 'GET', path, body }) => {
    const { answerCommand } = await import('../admin/answer-command.js');
    return await answerCommand({ method, path, body, actor: cliActor() }, control);
  };
}

/** Changes wait for nothing if no daemon runs. */
function noDaemon(): never {
  throw new GatewayError('unavailable', 'No daemon runs here.');
}

async function isServing(socket: ControlSocket, { database }: Settings): Promise<boolean> {
  const [{ findDaemon }, { describeDbUrl }] = await Promise.all([
    import('./daemon/running-daemon.js'),
    import('../db/db-url.js'),
  ]);
  const found = findDaemon(socket.dataDir);
  // Another version may not have the operations of this one.
  if (found?.version !== packageVersion) return false;
  if (database.url !== null && describeDbUrl(database.url) !== found.database) return false;
  const request = { path: '/admin/v1/config/version', timeoutMs: probeTimeoutMs };
  const answer = await askControlSocket(socket, request).catch(() => null);
  return answer?.status === 200;
}

function errorIn(text: string): GatewayError {
  const { error } = JSON.parse(text);
  const code: ErrorCode = Object.hasOwn(errorTable, error.code) ? error.code : 'internal_error';
  const { message, param, problems } = error;
  return new GatewayError(code, message, {
    ...(typeof param === 'string' && { param }),
    ...(problems && { problems }),
  });
}
