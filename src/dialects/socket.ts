import type { GatewayError } from '../errors.js';
import type { NamedModel } from './dialect.js';
import { noClasses, type TokenUsage, type UsageClasses, usageOfClasses } from './usage.js';

/** Takes what happens in a session by WebSocket. */
export interface SessionWatcher {
  /** A response begins; in a session that only transcribes, the text of a turn has come. */
  onResponse(): void;
  onUsage(usage: TokenUsage): void;
}

/** A session by WebSocket, followed by the messages of its provider. */
export interface Session {
  /** True while a response is in progress: a session can be closed cleanly between two. */
  readonly isResponding: boolean;
  /** The usage of all responses so far; null if none has reported any. */
  readonly usage: TokenUsage | null;
  /** Takes a message of the provider. */
  push(message: Buffer): void;
}

/** A client's first message, which names the model. */
export interface SessionSetup {
  /** The name that the client gave. */
  model: string;
  /** The client's own bytes with the name of the model replaced. */
  written(model: string): Buffer;
}

/** The messages of a WebSocket API, as far as the gateway reads and writes them. */
export interface SessionMessages {
  follow(watcher: SessionWatcher): Session;
  /** Finds models that a message of the client names; null: only its first one can. */
  readonly namedModels: ((message: Buffer) => NamedModel[]) | null;
  /** An error as a message; null: the reason of the close frame must do. */
  readonly errorMessage: ((error: GatewayError, requestId: string) => string) | null;
  /**
   * Reads a client's first message; null: the query of the handshake names the model.
   * @throws GatewayError `invalid_request`.
   */
  readonly readSetup: ((message: Buffer) => SessionSetup) | null;
}

type Counts = Omit<UsageClasses, 'tier'>;

/** Sums the usage of the responses of a session. */
export class SessionUsage {
  #counts: Counts | null = null;

  /** Null if nothing was added. */
  get total(): TokenUsage | null {
    return this.#counts && usageOfClasses({ ...noClasses, ...this.#counts });
  }

  /** @returns what was added; null where a count is not a possible one. */
  add(usage: Partial<UsageClasses>): TokenUsage | null {
    const sum: Record<string, number> = { ...this.#counts };
    for (const [name, value] of Object.entries(usage)) {
      if (typeof value === 'number') sum[name] = (sum[name] ?? 0) + value;
    }
    this.#counts = sum as unknown as Counts;
    return usageOfClasses({ ...noClasses, ...usage });
  }
}
