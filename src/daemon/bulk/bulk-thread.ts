import { workerData } from 'node:worker_threads';
import { answerBulk, type BulkAnswer, toBulkError } from '../../admin/bulk.js';
import type { BulkRequest } from '../../admin/request.js';
import { LastPlan } from '../../changes/last-plan.js';
import type { Settings } from '../../config/settings/settings-types.js';
import { connect } from '../../db/client.js';
import { fromSentError, type SentError } from '../../errors.js';
import { doTasks } from '../../threads/thread-messages.js';
import { openChangeControl } from '../change-control.js';

/** The thread's `workerData`. */
export interface BulkWorkerData {
  settings: Settings;
  /** Id of its daemon. */
  daemon: string;
}

/** A task of the thread: one request, with the database's current URL. */
export interface BulkTask {
  request: BulkRequest;
  dbUrl: string;
}

/** The reply to the thread's `activate`, after its change was made active. */
export type Activated = { version: number } | { error: SentError };

const { settings, daemon } = workerData as BulkWorkerData;
/** For the next request, until the idle thread ends. */
const lastPlan = new LastPlan();

doTasks<BulkTask, BulkAnswer, 'activate', Activated>(async ({ request, dbUrl }, ask) => {
  const sql = connect(dbUrl, { max: 2, applicationName: 'llmproxy bulk' });
  try {
    const reload = async () => {
      const activated = await ask('activate');
      if ('error' in activated) throw fromSentError(activated.error);
      return { configuration: activated };
    };
    const control = await openChangeControl(settings, sql, reload, daemon, lastPlan);
    const answer = await answerBulk(request, control);
    return { answer, transfer: 'body' in answer ? [answer.body.buffer as ArrayBuffer] : [] };
  } catch (error) {
    return { answer: { error: toBulkError(error) }, transfer: [] };
  } finally {
    await sql.end({ timeout: 1 });
  }
});
