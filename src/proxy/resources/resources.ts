import { GatewayError } from '../../errors.js';
import type { RoutedCredential } from '../../routing/snapshot.js';

/** Something that a client has made at a provider: a file, a batch, a stored response. */
export interface Resource {
  id: string;
  /** Key of the provider that has it. */
  provider: string;
  /** See `ownerOf`. */
  owner: string;
}

const maxKnown = 10_000;
const askTimeoutMs = 10_000;

/** The control process's side, which knows all of them. */
export interface ResourceOwner {
  made(resource: Resource): void;
  ask(ask: number, ids: readonly string[]): void;
}

/** Owner of the objects that this key makes: its team, or the key itself. */
export function ownerOf({ team, key }: RoutedCredential): string {
  return team === null ? key : `team ${team}`;
}

/** A worker's knowledge of resources, completed by the control process. */
export class Resources {
  readonly #control: ResourceOwner;
  readonly #known = new Map<string, Resource>();
  readonly #asked = new Map<number, (found: readonly (Resource | null)[] | null) => void>();
  #asks = 0;

  constructor(control: ResourceOwner) {
    this.#control = control;
  }

  /** Records what a provider has just made. */
  made(resource: Resource): void {
    if (this.#known.has(resource.id)) return;
    this.#remember(resource);
    this.#control.made(resource);
  }

  /**
   * The resources in the order of the ids; null for unknown ones.
   * @throws GatewayError `unavailable` where the control process cannot tell.
   */
  async find(ids: readonly string[]): Promise<(Resource | null)[]> {
    const missing = ids.filter((id) => !this.#known.has(id));
    if (missing.length > 0) {
      for (const resource of await this.#ask(missing)) if (resource) this.#remember(resource);
    }
    return ids.map((id) => this.#known.get(id) ?? null);
  }

  /** Handles the control process's answer; null where it could not look them up. */
  answered(ask: number, found: readonly (Resource | null)[] | null): void {
    this.#asked.get(ask)?.(found);
    this.#asked.delete(ask);
  }

  #ask(ids: readonly string[]): Promise<readonly (Resource | null)[]> {
    const ask = ++this.#asks;
    return new Promise((resolve, reject) => {
      const fail = () => {
        this.#asked.delete(ask);
        const message = 'Who has made this cannot be looked up now.';
        reject(new GatewayError('unavailable', message, { headers: { 'retry-after': '1' } }));
      };
      const timer = setTimeout(fail, askTimeoutMs);
      this.#asked.set(ask, (found) => {
        clearTimeout(timer);
        if (found) resolve(found);
        else fail();
      });
      this.#control.ask(ask, ids);
    });
  }

  #remember(resource: Resource): void {
    this.#known.set(resource.id, resource);
    const [oldest] = this.#known.keys();
    if (this.#known.size > maxKnown && oldest !== undefined) this.#known.delete(oldest);
  }
}
