import type { Dialect } from '../../dialects/dialect.js';
import type { TokenUsage } from '../../dialects/usage.js';
import { GatewayError } from '../../errors.js';
import type { RoutedCredential } from '../../routing/snapshot.js';
import { limit } from '../access/limit.js';
import { nothingReserved, type Reservation, reserve } from '../admission/quota.js';
import type { Gateway } from '../gateway.js';
import type { RequestRecord } from '../record.js';

/**
 * Applies the limits of a key and its team to each response of a session, as if it were a request of
 * its own. The first one is what the session has reserved at its start.
 */
export class SessionLimits {
  readonly #gateway: Pick<Gateway, 'quotas' | 'slots' | 'limiter'>;
  readonly #holder: () => RoutedCredential | null;
  readonly #model: string;
  readonly #dialect: Dialect;
  /** The reservation of the response under way; null between two of them. */
  #reserved: Reservation | null;
  #isFirst = true;
  /** Tokens of the last response: the next one is expected to use as many. */
  #last = { input: 0, output: 0 };
  /** Steps are taken in the order of the events that they follow. */
  #steps: Promise<void> = Promise.resolve();

  /**
   * @param holder the credential as it is now; null once it is gone.
   * @param model as it is meant.
   */
  constructor(
    gateway: Pick<Gateway, 'quotas' | 'slots' | 'limiter'>,
    holder: () => RoutedCredential | null,
    model: string,
    dialect: Dialect,
    { reservation }: Pick<RequestRecord, 'reservation'>,
  ) {
    this.#gateway = gateway;
    this.#holder = holder;
    this.#model = model;
    this.#dialect = dialect;
    this.#reserved = reservation;
  }

  /** A response has begun. @param refuse called if a limit does not allow it. */
  began(refuse: (error: GatewayError) => void): void {
    if (this.#isFirst) {
      this.#isFirst = false;
      return;
    }
    this.#then(async () => {
      try {
        await this.#take();
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        refuse(error);
      }
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
    });
  }

  #then(step: () => Promise<void>): void {
    this.#steps = this.#steps.then(step);
  }

  async #take(): Promise<void> {
    const holder = this.#holder();
    if (!holder) return;
    await limit(this.#gateway.limiter, holder);
    if (!holder.quotas) return;
    // The session has its place among the requests under way already.
    const quotas = { ...holder.quotas, concurrency: [] };
    this.#reserved = await reserve(this.#gateway, quotas, this.#last, this.#model, this.#dialect);
  }
}
