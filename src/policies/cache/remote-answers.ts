import type { KeptAnswer } from './kept-answer.js';

/** An answer that was kept elsewhere. */
export interface RemoteAnswer {
  readonly answer: KeptAnswer;
  /** The last purge that its keeper knew of. */
  readonly purgedTo: number;
}

/** Use of a store since the start of the daemon. */
export interface RemoteState {
  hits: number;
  misses: number;
  /** Look-ups and answers that were given up. */
  failures: number;
}

/** Answers that the machines of a fleet share. A store that fails has no answers. */
export interface RemoteAnswers {
  readonly state: RemoteState;
  /** Never rejects. */
  get(key: string): Promise<RemoteAnswer | null>;
  /** @param purgedTo the last purge that this daemon knows of. */
  put(key: string, answer: KeptAnswer, purgedTo: number): void;
  close(): Promise<void>;
}

const headEnd = 0x0a;

/** The bytes of an answer in a store: a line of JSON, then the body as it is. */
export function packAnswer({ body, ...rest }: KeptAnswer, purgedTo: number): Buffer {
  return Buffer.concat([Buffer.from(`${JSON.stringify({ ...rest, purgedTo })}\n`), body]);
}

/** @throws Error for bytes that are not such an answer. */
export function unpackAnswer(bytes: Buffer): RemoteAnswer {
  const end = bytes.indexOf(headEnd);
  const { purgedTo, ...rest } = JSON.parse(bytes.toString('utf8', 0, end));
  return { answer: { ...rest, body: bytes.subarray(end + 1) }, purgedTo };
}
