/** A whole answer, as sent to the client. Crosses between processes. */
export interface KeptAnswer {
  readonly body: Buffer;
  readonly contentType: string;
  readonly stream: boolean;
  /** The fields that were lost in translation; null: none, or the client was not told. */
  readonly lost: string | null;
  /** Time of its completion and of its expiry: wall clock, milliseconds. */
  readonly keptAt: number;
  readonly expiresAt: number;
  /** The request that it answered. */
  readonly of: Asker;
  readonly provider: string;
  readonly modelSent: string;
  /** Nano-dollars that the same answer would cost again; null: unknown. */
  readonly cost: number | null;
  /** Tokens of the request and its answer; null: not reported. */
  readonly tokens: number | null;
}

/** Facts that purges select answers by. */
export interface Asker {
  /** Name of the key. */
  readonly key: string;
  readonly team: string | null;
  /** Canonical name: see `modelMeant`. */
  readonly model: string;
}

/** Memory overhead of an answer besides its text, in bytes. */
const overheadBytes = 1_024;

export function bytesOf(key: string, { body, contentType }: KeptAnswer): number {
  return overheadBytes + 2 * key.length + body.length + contentType.length;
}
