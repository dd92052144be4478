import type { ChildProcess } from 'node:child_process';
import type { Team } from '../../config/configuration.js';
import type { WorkerStatus } from '../../observe/gateway-state.js';
import {
  type ConfigurationChange,
  type CredentialChange,
  changeOfCredentials,
  inPieces,
} from '../../routing/configuration-change.js';
import type { StartWorker, ToWorker } from './messages.js';
import { packChange } from './packed-credentials.js';

/** A few milliseconds' work. */
const maxCredentialsAtOnce = 500;
/** For a worker that serves nothing yet: some megabytes. */
const maxCredentialsAtStart = 5_000;
/** It takes one while the next is on its way. */
const maxUntakenAtStart = 3;

/** A message, or one that is packed when it is sent. */
type Part = ToWorker | { type: 'piece'; piece: CredentialChange; teams: readonly Team[] };

/**
 * The control process's side of one worker.
 *
 * States: forked (→ waiting) → loaded (was sent `start`) → serving (has an engine) → active (uses a
 * configuration) → ended.
 */
export class WorkerProcess {
  /** The lowest free number; a replacement gets the number of the worker it replaces. */
  readonly slot: number;
  readonly limiter: StartWorker['limiter'];
  readonly startedMs = performance.now();
  status: WorkerStatus | null = null;
  engine: string | null = null;
  /** True while it has loaded, and there is no configuration to start it with. */
  isWaiting = false;
  /** Hash of the configuration that it uses. */
  activeHash: string | null = null;
  /** The last ping that it has answered. */
  ponged = 0;
  readonly #worker: ChildProcess;
  #loaded = false;
  /** The parts of changes that are still to be sent, each when the worker has taken the one before. */
  readonly #parts: Part[] = [];
  /** Pieces that were sent, and that it has not taken. */
  #untaken = 0;

  /** @param id no other worker of this control process ever has the same. */
  constructor(
    worker: ChildProcess,
    readonly id: number,
    slot: number,
    limiter: StartWorker['limiter'],
  ) {
    this.#worker = worker;
    this.slot = slot;
    this.limiter = limiter;
  }

  /** 0 where it could not be started. */
  get pid(): number {
    return this.#worker.pid ?? 0;
  }

  /** The first message that it gets. Many credentials follow in pieces: all at once may be too long. */
  start(message: StartWorker): void {
    const { configuration, hash } = message;
    const { credentials } = configuration;
    const isPartial = credentials.length > maxCredentialsAtStart;
    this.#loaded = true;
    this.send(
      isPartial
        ? { ...message, configuration: { ...configuration, credentials: [] }, isPartial }
        : message,
    );
    if (!isPartial) return;
    const all = changeOfCredentials(configuration, { removed: [], added: credentials });
    this.change(all, hash, maxCredentialsAtStart);
  }

  /** Messages to a worker that is not loaded are dropped: `start` includes their content. */
  send(message: ToWorker): void {
    if (this.#loaded && this.#worker.connected) this.#worker.send(message);
  }

  /** Sends a change of its configuration, a large one in pieces: it serves requests between them. */
  change(change: ConfigurationChange, hash: string, most = maxCredentialsAtOnce): void {
    if (!this.#loaded) return;
    const { pieces, rest } = inPieces(change, most);
    const { teams } = rest;
    for (const piece of pieces) this.#parts.push({ type: 'piece', piece, teams });
    this.#parts.push({ type: 'configuration', change: rest, hash });
    this.#sendParts();
  }

  /** It has taken a piece. */
  taken(): void {
    this.#untaken -= 1;
    this.#sendParts();
  }

  /** Sends until a piece, which is answered; a worker that serves nothing yet need not wait for more. */
  #sendParts(): void {
    const most = this.engine === null ? maxUntakenAtStart : 1;
    while (this.#parts.length > 0 && this.#untaken < most) {
      const part = this.#parts.shift();
      if (part?.type === 'piece') {
        this.#untaken += 1;
        this.send({ ...part, type: 'credentials', piece: packChange(part.piece) });
      } else if (part) this.send(part);
    }
  }

  /** Ends a worker that was not started. */
  disconnect(): void {
    this.#worker.disconnect();
  }

  kill(): void {
    this.#worker.kill('SIGKILL');
  }
}
