import type { SocketEndpoint } from '../../dialects/endpoint.js';
import type { TokenUsage } from '../../dialects/usage.js';
import { GatewayError } from '../../errors.js';
import { modelMeant } from '../../routing/model-order.js';
import type { RoutedCredential } from '../../routing/snapshot.js';
import { limit } from '../access/limit.js';
import { nothingReserved, type Reservation, reserve } from '../admission/quota.js';
import { reserveNext } from '../admission/session-spend.js';
import type { Gateway } from '../gateway.js';
import type { RequestRecord } from '../record.js';

/**
 * Applies the limits and budgets of a key and its team to each response of a session, as if it were a
 * request of its own. The first one is what the session has reserved at its start.
 */
export class SessionLimits {
  readonly #gateway: Gateway;
  readonly #holder: () => RoutedCredential | null;
  readonly #model: string;
  readonly #endpoint: SocketEndpoint;
  readonly #record: RequestRecord;
  readonly #usage: () => TokenUsage | null;
  readonly #refuse: (error: GatewayError) => void;
  readonly #hold: (isHeld: boolean) => void;
  /** The reservation of the response under way; null between two of them. */
  #reserved: Reservation | null;
  #isFirst = true;
  /** Tokens of the last response: the next one is expected to use as many. */
  #last = { input: 0, output: 0 };
  /** Steps are taken in the order of the events that they follow. */
  #steps: Promise<void> = Promise.resolve();

  /**
   * @param holder the credential as it is now; null once it is gone.
   * @param usage of the session so far.
   * @param refuse called if a limit or budget does not allow a response.
   * @param hold holds the client back, so that it can begin no response.
   */
  constructor(
    gateway: Gateway,
    holder: () => RoutedCredential | null,
    endpoint: SocketEndpoint,
    record: RequestRecord,
    usage: () => TokenUsage | null,
    refuse: (error: GatewayError) => void,
    hold: (isHeld: boolean) => void,
  ) {
    this.#gateway = gateway;
    this.#holder = holder;
    this.#model = modelMeant(record.model ?? '', gateway.settings.routing);
    this.#endpoint = endpoint;
    this.#record = record;
    this.#usage = usage;
    this.#refuse = refuse;
    this.#hold = hold;
    this.#reserved = record.reservation;
  }

  /** A response has begun. */
  began(): void {
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    this.#then(async () => {
      if (!isFirst) await this.#take();
      await this.#pay();
    });
  }

  /** Tokens have been used, by the response under way where there is one. */
  used({ promptTokens: input, completionTokens: output }: TokenUsage): void {
    this.#then(async () => {
      this.#last = { input, output };
      const quotas = this.#holder()?.quotas ?? null;
      const reserved =
        this.#reserved ?? (quotas && nothingReserved(this.#gateway, quotas, this.#model));
      this.#reserved = null;
      reserved?.correct({ input, output });
      await this.#pay();
    });
  }

  #then(step: () => Promise<void>): void {
    this.#steps = this.#steps.then(step).catch((error: unknown) => {
      if (!(error instanceof GatewayError)) throw error;
      this.#refuse(error);
    });
  }

  /** The next response must fit into the budgets before it begins. */
  async #pay(): Promise<void> {
    const holder = this.#holder();
    if (!holder) return;
    if (!this.#gateway.snapshot.budgets) return;
    this.#hold(true);
    try {
      await reserveNext(this.#gateway, holder, this.#endpoint, this.#record, this.#usage());
    } finally {
      this.#hold(false);
    }
  }

  async #take(): Promise<void> {
    const holder = this.#holder();
    if (!holder) return;
    await limit(this.#gateway.limiter, holder);
    if (!holder.quotas) return;
    // The session has its place among the requests under way already.
    const quotas = { ...holder.quotas, concurrency: [] };
    this.#reserved = await reserve(
      this.#gateway,
      quotas,
      this.#last,
      this.#model,
      this.#endpoint.dialect,
    );
  }
}
