import { parentPort, workerData } from 'node:worker_threads';
import {
  answerBulk,
  type BulkAnswer,
  type BulkError,
  fromBulkError,
  toBulkError,
} from '../../admin/bulk.js';
import type { BulkRequest } from '../../admin/request.js';
import type { Settings } from '../../config/settings/settings-types.js';
import { connect } from '../../db/client.js';
import { openChangeControl } from '../change-control.js';

/** The thread's `workerData`. */
export interface BulkWorkerData {
  settings: Settings;
  /** Id of its daemon. */
  daemon: string;
}

/** A task of the thread: one request at a time, with the database's current URL. */
export interface BulkTask {
  request: BulkRequest;
  dbUrl: string;
}

/** The reply to the thread's `activate`, after its change was made active. */
export type Activated = { version: number } | { error: BulkError };

export type ToBulkThread = BulkTask | Activated;
export type FromBulkThread = BulkAnswer | 'activate';

const { settings, daemon } = workerData as BulkWorkerData;
let onActivated: (activated: Activated) => void = () => {};

parentPort?.on('message', (message: ToBulkThread) => {
  if ('request' in message) void answer(message);
  else onActivated(message);
});

async function answer({ request, dbUrl }: BulkTask): Promise<void> {
  const sql = connect(dbUrl, { max: 2, applicationName: 'llmproxy bulk' });
  try {
    const reload = async () => ({ configuration: { version: await activate() } });
    const control = await openChangeControl(settings, sql, reload, daemon);
    const answered = await answerBulk(request, control);
    const moved = 'body' in answered ? [answered.body.buffer as ArrayBuffer] : [];
    parentPort?.postMessage(answered satisfies FromBulkThread, moved);
  } catch (error) {
    parentPort?.postMessage({ error: toBulkError(error) } satisfies FromBulkThread);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

function activate(): Promise<number> {
  return new Promise((resolve, reject) => {
    onActivated = (activated) => {
      if ('version' in activated) resolve(activated.version);
      else reject(fromBulkError(activated.error));
    };
    parentPort?.postMessage('activate' satisfies FromBulkThread);
  });
}
