import { Worker, type WorkerOptions } from 'node:worker_threads';
import { type FromThread, otherBuild, type ToThread } from './thread-messages.js';

export interface JobThreadOptions {
  file: string | URL;
  worker: Pick<WorkerOptions, 'workerData' | 'resourceLimits'>;
  /** An idle thread is ended after this time, to free its memory. */
  idleMs: number;
  /** Far more than the largest job takes. */
  deadlineMs: number;
  /** Called before a thread is started; what it throws is the outcome of the job. */
  check?: () => void;
}

interface TaskMessage<Task> {
  task: Task;
  transfer: ArrayBuffer[];
}

/** One job of a thread. */
export interface Job<Task, Question, Reply> {
  /** Makes the message once it is this job's turn; what it transfers is gone here. */
  task(): TaskMessage<Task> | Promise<TaskMessage<Task>>;
  /** Answers what the thread asks about its job; never rejects. */
  reply(question: Question): Promise<Reply>;
  /** Aborted when nobody waits for the job any more. */
  signal: AbortSignal;
}

/**
 * A job that its thread did not answer. `replaced`: the file of the thread is gone, or that of another
 * version, whose messages would not be understood.
 */
export class JobError extends Error {
  constructor(readonly reason: 'aborted' | 'deadline' | 'memory' | 'replaced') {
    super(`the thread ended its job: ${reason}`);
    this.name = 'JobError';
  }
}

/**
 * Does jobs in a thread of its own, one after the other: the memory that they take is bounded, and
 * the event loop does nothing but wait. A job that is aborted is ended at once, be it at work or
 * waiting.
 *
 * States: no thread → (job) at work ⇄ idle → (idle time, failure, abort) no thread.
 */
export class JobThread<Task, Answer, Question = never, Reply = never> {
  readonly #options: JobThreadOptions;
  #thread: Worker | null = null;
  #atWork: {
    job: Job<Task, Question, Reply>;
    resolve(answer: Answer): void;
    reject(error: Error): void;
  } | null = null;
  #idle: NodeJS.Timeout | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: JobThreadOptions) {
    this.#options = options;
  }

  /** @throws JobError; Error where the thread failed, or `check` threw. */
  run(job: Job<Task, Question, Reply>): Promise<Answer> {
    const answered = this.#last.then(() => {
      clearTimeout(this.#idle);
      return this.#ask(job).finally(() => {
        this.#idle = setTimeout(() => this.#endThread(), this.#options.idleMs).unref();
      });
    });
    this.#last = answered.catch(() => {});
    return answered;
  }

  async #ask(job: Job<Task, Question, Reply>): Promise<Answer> {
    if (job.signal.aborted) throw new JobError('aborted');
    const { task, transfer } = await job.task();
    if (job.signal.aborted) throw new JobError('aborted');
    const onAbort = () => this.#failed(new JobError('aborted'));
    job.signal.addEventListener('abort', onAbort);
    const late = () => this.#failed(new JobError('deadline'));
    const deadline = setTimeout(late, this.#options.deadlineMs);
    try {
      return await new Promise<Answer>((resolve, reject) => {
        this.#atWork = { job, resolve, reject };
        this.#thread ??= this.#startThread();
        this.#thread.postMessage({ task } satisfies ToThread<Task, Reply>, transfer);
      });
    } finally {
      this.#atWork = null;
      clearTimeout(deadline);
      job.signal.removeEventListener('abort', onAbort);
    }
  }

  #startThread(): Worker {
    const { file, worker, check } = this.#options;
    check?.();
    const thread = new Worker(file, worker);
    const failed = (error: Error) => {
      if (this.#thread === thread) this.#failed(error);
    };
    thread.on('message', (message: FromThread<Answer, Question>) => {
      if (this.#thread !== thread) return;
      if ('answer' in message) this.#atWork?.resolve(message.answer);
      else void this.#reply(thread, message.question);
    });
    thread.on('error', (error) => {
      const reason = 'code' in error ? reasons[String(error.code)] : undefined;
      failed(reason ? new JobError(reason) : error);
    });
    thread.on('exit', (code) => failed(new Error(`the thread ended with ${code}`)));
    thread.unref();
    return thread;
  }

  async #reply(thread: Worker, question: Question): Promise<void> {
    const reply = await this.#atWork?.job.reply(question);
    if (reply !== undefined) thread.postMessage({ reply } satisfies ToThread<Task, Reply>);
  }

  #failed(error: Error): void {
    this.#atWork?.reject(error);
    this.#endThread();
  }

  #endThread(): void {
    const thread = this.#thread;
    this.#thread = null;
    void thread?.terminate();
  }
}

/** Codes of errors that end a thread. */
const reasons: Readonly<Record<string, JobError['reason']>> = {
  ERR_WORKER_OUT_OF_MEMORY: 'memory',
  MODULE_NOT_FOUND: 'replaced',
  ERR_MODULE_NOT_FOUND: 'replaced',
  [otherBuild]: 'replaced',
};
