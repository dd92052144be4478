import { setImmediate } from 'node:timers/promises';
import type { FetchedMedia } from '../../dialects/translate/remote-media.js';
import type { Seals } from '../../dialects/translate/sealing.js';
import { type ErrorCode, fromSentError, GatewayError } from '../../errors.js';
import { AbortedError, type Exchange } from '../../server/exchange.js';
import { buildId } from '../../threads/build-id.js';
import { JobError, JobThread } from '../../threads/job-thread.js';
import {
  type AnswerTask,
  doTask,
  type EstimateTask,
  type Given,
  type RequestTask,
  type TranslationAnswer,
  type TranslationSaid,
  type TranslationTask,
  type Wanted,
  type WrittenAnswer,
  type WrittenRequest,
} from './translation-task.js';

/**
 * Bodies of this size are translated in a thread: others would wait for milliseconds. A smaller one
 * takes less time than its way there and back.
 */
export const largeBytes = 262_144;

const sliceBytes = 1_048_576;
const idleMs = 10_000;
const deadlineMs = 60_000;
/** The neutral form of a body of many small values takes some 15 times its bytes. */
const maxOldGenerationSizeMb = 1_024;
/** Most objects of a parsed body survive: a small young generation would be copied often. */
const maxYoungGenerationSizeMb = 48;

type WithBuffer<Answer> = Omit<Answer, 'body'> & { body: Buffer };
type NoKey<Task> = Omit<Task, 'type' | 'sealKey'>;

/**
 * Translates large bodies in a thread, one after the other, while the worker serves others. One
 * thread for each worker: they use as many cores as the workers do, and each may take as much memory
 * as its limit.
 */
export class LargeTranslations {
  readonly #seals: Seals;
  readonly #thread: JobThread<TranslationTask, TranslationSaid, Wanted, Given>;

  /** @param file `translation-thread.js`. */
  constructor(file: string | URL, seals: Seals) {
    this.#seals = seals;
    const resourceLimits = { maxOldGenerationSizeMb, maxYoungGenerationSizeMb };
    const worker = { resourceLimits, workerData: buildId };
    this.#thread = new JobThread({ file, worker, idleMs, deadlineMs });
  }

  /**
   * A request as its provider is sent it.
   * @param fetchMedia never rejects; null: media are not fetched.
   * @throws GatewayError `invalid_request`, `request_too_large`; AbortedError.
   */
  async request(
    exchange: Exchange,
    asked: Omit<NoKey<RequestTask>, 'fetches'>,
    fetchMedia: ((urls: readonly string[]) => Promise<ReadonlyMap<string, FetchedMedia>>) | null,
  ): Promise<WithBuffer<WrittenRequest>> {
    const { key: sealKey, kept } = this.#seals;
    const task = { ...asked, type: 'request', sealKey, fetches: fetchMedia !== null } as const;
    const give = async ({ urls, calls }: Wanted): Promise<Given> => ({
      media: fetchMedia && urls.length > 0 ? await fetchMedia(urls) : new Map(),
      kept: calls.flatMap((id) => {
        const reasoning = kept?.get(id);
        return reasoning ? [[id, reasoning]] : [];
      }),
    });
    return this.#run<WrittenRequest>(exchange, task, 'request_too_large', give);
  }

  /** @throws GatewayError `upstream_failed`; AbortedError. */
  async answer(
    exchange: Exchange,
    answered: NoKey<AnswerTask>,
  ): Promise<WithBuffer<WrittenAnswer>> {
    const task = { ...answered, type: 'answer', sealKey: this.#seals.key } as const;
    const answer = await this.#run<WrittenAnswer>(exchange, task, 'upstream_failed');
    for (const kept of answer.kept) this.#seals.kept?.put(...kept);
    return answer;
  }

  /**
   * The answer to a request that counts tokens, by the gateway's own estimate.
   * @throws GatewayError `invalid_request`, `request_too_large`; AbortedError.
   */
  async estimate(exchange: Exchange, asked: Omit<EstimateTask, 'type'>): Promise<Buffer> {
    const task = { ...asked, type: 'estimate' } as const;
    return (await this.#run<{ body: Uint8Array }>(exchange, task, 'request_too_large')).body;
  }

  async #run<Answer extends TranslationAnswer>(
    exchange: Exchange,
    task: TranslationTask,
    ifTooLarge: ErrorCode,
    reply: (wanted: Wanted) => Promise<Given> = noReply,
  ): Promise<WithBuffer<Answer>> {
    const left = new AbortController();
    exchange.onAbort(() => left.abort());
    const job = { task: () => copied(task), reply, signal: left.signal };
    const said = await this.#thread.run(job).catch((error: unknown) => {
      if (!(error instanceof JobError)) throw error;
      // Until the upgrade, others wait for a large body rather than it being refused.
      if (error.reason === 'replaced') return doTask(task, reply);
      throw failure(error, ifTooLarge);
    });
    if ('failure' in said) throw fromSentError(said.failure);
    const { buffer, byteOffset, byteLength } = said.body;
    return { ...(said as Answer), body: Buffer.from(buffer, byteOffset, byteLength) };
  }
}

/**
 * The task with a copy of its body, which is given away; the worker needs its own later. Memory that
 * is used for the first time is slow, so the copy takes a turn of the event loop for each slice.
 */
async function copied(task: TranslationTask) {
  const { body: own } = task;
  const body = new Uint8Array(own.length);
  for (let at = 0; at < own.length; at += sliceBytes) {
    if (at > 0) await setImmediate();
    body.set(own.subarray(at, at + sliceBytes), at);
  }
  return { task: { ...task, body }, transfer: [body.buffer] };
}

function failure({ reason }: JobError, code: ErrorCode): Error {
  if (reason === 'aborted') return new AbortedError();
  const what = code === 'upstream_failed' ? "The provider's answer" : 'The request';
  const limit =
    reason === 'memory' ? `${maxOldGenerationSizeMb} MB of memory` : `${deadlineMs / 1000} s`;
  return new GatewayError(code, `${what} takes more than ${limit} to translate.`);
}

function noReply(): Promise<Given> {
  return Promise.reject(new Error('only requests want more'));
}
