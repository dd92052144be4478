import { workerData } from 'node:worker_threads';
import { toSentError } from '../../errors.js';
import { buildId } from '../../threads/build-id.js';
import { checkBuild, doTasks } from '../../threads/thread-messages.js';
import {
  doTask,
  type Given,
  type TranslationSaid,
  type TranslationTask,
  type Wanted,
} from './translation-task.js';

checkBuild(buildId, workerData);

doTasks<TranslationTask, TranslationSaid, Wanted, Given>(async (task, ask) => {
  try {
    const answer = await doTask(task, ask);
    const { buffer, byteLength } = answer.body;
    // A small one lies in memory that others share.
    const isAlone = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength;
    return { answer, transfer: isAlone ? [buffer] : [] };
  } catch (error) {
    return { answer: { failure: toSentError(error) }, transfer: [] };
  }
});
