import { parentPort } from 'node:worker_threads';

/** Code of the error of a thread whose file is that of another build than its worker's. */
export const otherBuild = 'LLMPROXY_OTHER_BUILD';

/** @throws Error with the code `otherBuild`. */
export function checkBuild(own: string, workers: unknown): void {
  if (own === workers) return;
  throw Object.assign(new Error('the file of the thread was replaced'), { code: otherBuild });
}

export type ToThread<Task, Reply> = { task: Task } | { reply: Reply };
export type FromThread<Answer, Question> = { answer: Answer } | { question: Question };

/**
 * The thread's side of a `JobThread`: does one task after the other.
 * @param work never rejects. Its `ask` puts a question about the task to the thread that set it.
 */
export function doTasks<Task, Answer, Question = never, Reply = never>(
  work: (
    task: Task,
    ask: (question: Question) => Promise<Reply>,
  ) => Promise<{ answer: Answer; transfer: ArrayBuffer[] }>,
): void {
  let onReply: (reply: Reply) => void = () => {};
  const ask = (question: Question) =>
    new Promise<Reply>((resolve) => {
      onReply = resolve;
      parentPort?.postMessage({ question } satisfies FromThread<Answer, Question>);
    });
  parentPort?.on('message', async (message: ToThread<Task, Reply>) => {
    if ('reply' in message) return onReply(message.reply);
    const { answer, transfer } = await work(message.task, ask);
    parentPort?.postMessage({ answer } satisfies FromThread<Answer, Question>, transfer);
  });
}
