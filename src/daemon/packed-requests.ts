import type { RequestFinished } from '../observe/event.js';

/**
 * Finished requests on their way to the control process, which reads those of all workers. As plain
 * objects they would cost it, and the worker, more than all that is done with them: here a request
 * is a row of numbers, and a name that many requests share crosses, and is hashed, once.
 */
export interface PackedRequests {
  /** `width` for each request. */
  numbers: Float64Array;
  /** What the numbers of texts stand for: names, once each, and the ids of the requests. */
  texts: string[];
  /** What only few requests have. */
  rest: Rest[];
}

type Rest = Pick<RequestFinished, 'attemptsLog' | 'attemptsEnd' | 'uncounted' | 'bodies'>;

const width = 22;
const firstCapacity = 64;

/** Collects finished requests. */
export class RequestBatch {
  #numbers = new Float64Array(firstCapacity * width);
  #texts: string[] = [];
  #rest: Rest[] = [];
  readonly #places = new Map<string, number>();
  size = 0;

  add(event: RequestFinished): void {
    const { credential, usage } = event;
    if ((this.size + 1) * width > this.#numbers.length) this.#grow();
    const numbers = this.#numbers;
    let at = this.size * width;
    numbers[at++] = this.#texts.push(event.requestId) - 1;
    numbers[at++] = event.startedAt;
    numbers[at++] = this.#place(event.method);
    numbers[at++] = this.#place(event.endpoint);
    numbers[at++] = credential?.id ?? Number.NaN;
    numbers[at++] = this.#place(credential?.name);
    numbers[at++] = this.#place(event.model);
    numbers[at++] = this.#place(event.modelSent);
    numbers[at++] = this.#place(event.provider);
    numbers[at++] = event.attempts;
    numbers[at++] = event.configVersion;
    numbers[at++] = event.rateLimit ?? Number.NaN;
    numbers[at++] = event.status;
    numbers[at++] = this.#place(event.error);
    numbers[at++] = Number(event.stream);
    numbers[at++] = event.totalMs;
    numbers[at++] = event.upstreamMs;
    numbers[at++] = event.firstTokenMs ?? Number.NaN;
    numbers[at++] = Number(event.complete);
    numbers[at++] = usage?.promptTokens ?? Number.NaN;
    numbers[at++] = usage?.completionTokens ?? Number.NaN;
    numbers[at] = this.#placeRest(event);
    this.size++;
  }

  /** The requests since the last call; they are to be sent before another one is added. */
  take(): PackedRequests {
    const numbers = this.#numbers.subarray(0, this.size * width);
    const taken = { numbers, texts: this.#texts, rest: this.#rest };
    this.#texts = [];
    this.#rest = [];
    this.#places.clear();
    this.size = 0;
    return taken;
  }

  #grow(): void {
    const larger = new Float64Array(this.#numbers.length * 2);
    larger.set(this.#numbers);
    this.#numbers = larger;
  }

  #place(name: string | null | undefined): number {
    if (name == null) return Number.NaN;
    let place = this.#places.get(name);
    if (place === undefined) {
      place = this.#texts.push(name) - 1;
      this.#places.set(name, place);
    }
    return place;
  }

  #placeRest({ attemptsLog, attemptsEnd, uncounted, bodies }: RequestFinished): number {
    if (!(attemptsLog || attemptsEnd || uncounted || bodies)) return Number.NaN;
    return this.#rest.push({ attemptsLog, attemptsEnd, uncounted, bodies }) - 1;
  }
}

/** @param packed by a worker of the same version. */
export function unpackRequests(packed: PackedRequests): RequestFinished[] {
  const rows = new Rows(packed);
  const events: RequestFinished[] = [];
  while (rows.left) events.push(rows.request());
  return events;
}

/** Reads rows in the order in which they were written. */
class Rows {
  readonly #packed: PackedRequests;
  #at = 0;

  constructor(packed: PackedRequests) {
    this.#packed = packed;
  }

  get left(): boolean {
    return this.#at < this.#packed.numbers.length;
  }

  request(): RequestFinished {
    const requestId = this.#text() ?? '';
    const startedAt = this.#number();
    const method = this.#text() ?? '';
    const endpoint = this.#text() ?? '';
    const credentialId = this.#numberOrNull();
    const credentialName = this.#text();
    const model = this.#text();
    const modelSent = this.#text();
    const provider = this.#text();
    const attempts = this.#number();
    const configVersion = this.#number();
    const rateLimit = this.#numberOrNull();
    const status = this.#number();
    const error = this.#text();
    const stream = this.#number() === 1;
    const totalMs = this.#number();
    const upstreamMs = this.#number();
    const firstTokenMs = this.#numberOrNull();
    const complete = this.#number() === 1;
    const promptTokens = this.#numberOrNull();
    const completionTokens = this.#number();
    const rest = this.#packed.rest[this.#number()] ?? nothing;
    return {
      type: 'request_finished',
      requestId,
      startedAt,
      method,
      endpoint,
      credential: credentialName === null ? null : { id: credentialId, name: credentialName },
      model,
      modelSent,
      provider,
      attempts,
      attemptsLog: rest.attemptsLog,
      attemptsEnd: rest.attemptsEnd,
      configVersion,
      rateLimit,
      status,
      error,
      stream,
      totalMs,
      upstreamMs,
      firstTokenMs,
      complete,
      usage: promptTokens === null ? null : { promptTokens, completionTokens },
      uncounted: rest.uncounted,
      bodies: rest.bodies,
    };
  }

  #number(): number {
    return this.#packed.numbers[this.#at++] as number;
  }

  #numberOrNull(): number | null {
    const number = this.#number();
    return Number.isNaN(number) ? null : number;
  }

  #text(): string | null {
    return this.#packed.texts[this.#number()] ?? null;
  }
}

const nothing: Rest = { attemptsLog: null, attemptsEnd: null, uncounted: null, bodies: null };
