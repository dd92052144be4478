import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { type BulkAnswer, fromBulkAnswer, toBulkError } from '../../admin/bulk.js';
import type { AdminAnswer, BulkRequest } from '../../admin/request.js';
import { replacedFiles } from '../../admin/server/replaced-files.js';
import { Turns } from '../../admin/turns.js';
import { mayChange } from '../../config/settings/settings-types.js';
import { GatewayError } from '../../errors.js';
import { inPackage } from '../../package.js';
import { JobError, JobThread } from '../../threads/job-thread.js';
import type { Activated, BulkTask, BulkWorkerData } from './bulk-thread.js';

/** Requests that may wait for their turn. */
const maxWaiting = { all: 16, viewers: 4 };
const deadlineMs = 120_000;
const idleMs = 10_000;
const maxOldGenerationSizeMb = 1_536;
/** Most objects of a parsed document survive: a small young generation would be copied often. */
const maxYoungGenerationSizeMb = 48;

interface BulkOptions extends BulkWorkerData {
  dbUrl(): string;
  /** Activates the database's configuration; resolves when every worker uses it. */
  reload(): Promise<{ version: number }>;
  /** The module that the thread runs. */
  file?: string;
  /** The time that a change waits for a viewer's request, which then ends. */
  patienceMs?: number;
}

const threadFile = inPackage('dist/app/daemon/bulk/bulk-thread.js');

/** Answers requests of bulk routes in a thread of its own, one after the other. */
export class Bulk {
  readonly #options: BulkOptions;
  readonly #thread: JobThread<BulkTask, BulkAnswer, 'activate', Activated>;
  readonly #turns: Turns;

  constructor(options: BulkOptions) {
    this.#options = options;
    const { settings, daemon, file = threadFile, patienceMs } = options;
    this.#turns = new Turns(maxWaiting, patienceMs);
    /** A module of another version would not understand this one. */
    const hash = hashOf(file);
    this.#thread = new JobThread({
      file,
      worker: {
        workerData: { settings, daemon } satisfies BulkWorkerData,
        resourceLimits: { maxOldGenerationSizeMb, maxYoungGenerationSizeMb },
      },
      idleMs,
      deadlineMs,
      check() {
        if (!existsSync(file) || hashOf(file) !== hash) throw replacedFiles();
      },
    });
  }

  /**
   * @param signal aborted when the client has left.
   * @throws GatewayError what the handler threw; `overloaded` when too many wait, `unavailable`
   *   when it takes too long, `request_too_large` when it takes too much memory.
   */
  async answer(request: BulkRequest, signal: AbortSignal): Promise<AdminAnswer> {
    const { overtaken, end } = await this.#turns.take(mayChange(request.role));
    try {
      if (signal.aborted) throw clientLeft();
      return fromBulkAnswer(await this.#ask(request, AbortSignal.any([signal, overtaken])));
    } catch (error) {
      throw overtaken.aborted ? overtaken.reason : error;
    } finally {
      end();
    }
  }

  async #ask(request: BulkRequest, signal: AbortSignal): Promise<BulkAnswer> {
    const task = () => ({
      task: { request, dbUrl: this.#options.dbUrl() },
      transfer: [request.body.buffer as ArrayBuffer],
    });
    const reply = () => this.#activated();
    try {
      return await this.#thread.run({ task, reply, signal });
    } catch (error) {
      throw error instanceof JobError ? said(error) : error;
    }
  }

  #activated(): Promise<Activated> {
    return this.#options.reload().catch((error: unknown) => ({ error: toBulkError(error) }));
  }
}

function hashOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('base64');
}

/** Nobody reads it. */
function clientLeft(): GatewayError {
  return new GatewayError('request_timeout', 'The client has left.');
}

function said({ reason }: JobError): GatewayError {
  switch (reason) {
    case 'aborted':
      return clientLeft();
    case 'deadline': {
      const late = `It took longer than ${deadlineMs / 1000} s. A change may or may not have been made.`;
      return new GatewayError('unavailable', late);
    }
    case 'memory': {
      const most = `The document needs more than ${maxOldGenerationSizeMb} MB of memory.`;
      return new GatewayError('request_too_large', most);
    }
    case 'replaced':
      return replacedFiles();
  }
}
