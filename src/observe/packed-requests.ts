import type { UsageClasses } from '../dialects/usage.js';
import type { RequestFinished, RequestTrace } from './request-event.js';

/**
 * Finished requests in transit to the control process, which receives those of all workers.
 * Serialized as plain objects they would cost more than all their processing: here a request is a
 * row of numbers, and a shared name is sent and hashed once.
 */
export interface PackedRequests {
  /** A row for each request, its columns in the order of the table; a group that it lacks takes one. */
  numbers: Float64Array;
  /** The texts that numbers refer to: each name once, and the ids of the requests. */
  texts: string[];
  /** Fields that only few requests have, unpacked. */
  objects: object[];
}

/**
 * Code that turns a value into numbers and back; `write` gets the expression of the value.
 * Generated code is four times as fast as a loop over names.
 */
interface Column<T> {
  /** The most numbers that it takes. */
  width: number;
  write(value: string): string;
  read: string;
  /** Only for the type. */
  of?: T;
}

function column<T>(write: (value: string) => string, read: string): Column<T> {
  return { width: 1, write, read };
}

const number = column<number>((value) => `row.add(${value});`, 'row.next()');
const numberOrNull = column<number | null>(
  (value) => `row.add(${value} ?? NaN);`,
  'row.nextOrNull()',
);
const flag = column<boolean>((value) => `row.add(${value} ? 1 : 0);`, 'row.next() === 1');
/** A text that no other request has. */
const id = column<string>((value) => `row.addText(${value});`, 'row.nextText()');
const idOrNull = column<string | null>((value) => `row.addTextOrNull(${value});`, 'row.nextText()');
const name = column<string>((value) => `row.addName(${value});`, 'row.nextText()');
const nameOf = <T extends string>() =>
  column<T>((value) => `row.addName(${value});`, 'row.nextText()');
const nameOrNull = <T extends string>() =>
  column<T | null>((value) => `row.addName(${value});`, 'row.nextText()');
/** Several names that often occur together. */
const names = column<readonly string[]>((value) => `row.addNames(${value});`, 'row.nextNames()');
const objectOrNull = <T extends object>() =>
  column<T | null>((value) => `row.addObject(${value});`, 'row.nextObject()');
/** An object of such columns, or null where it is null or absent. */
function groupOrNull<T extends object>(columns: Columns<T>): Column<T | null> {
  return {
    width: 1 + widthOf(columns),
    write: (value) => `row.add(${value} ? 1 : 0);` + `if (${value}) { ${writing(columns, value)} }`,
    read: `(row.next() === 1 ? { ${reading(columns)} } : null)`,
  };
}

type Columns<T> = { readonly [K in keyof T]-?: Column<T[K]> };
type Packed = Omit<RequestFinished, 'type'>;

/** Every field of a finished request: a new one is a line here. */
const table: Columns<Packed> = {
  requestId: id,
  startedAt: number,
  method: name,
  endpoint: name,
  credential: groupOrNull({ id: numberOrNull, name }),
  team: nameOrNull(),
  user: nameOrNull(),
  session: nameOrNull(),
  tags: names,
  model: nameOrNull(),
  modelSent: nameOrNull(),
  provider: nameOrNull(),
  attempts: number,
  attemptsLog: objectOrNull(),
  attemptsEnd: nameOrNull(),
  translation: groupOrNull({ to: name, lost: nameOrNull() }),
  configVersion: number,
  rateLimit: numberOrNull,
  status: number,
  error: nameOrNull(),
  stream: flag,
  totalMs: number,
  upstreamMs: number,
  firstTokenMs: numberOrNull,
  complete: flag,
  need: groupOrNull({ input: number, output: number, nano: number }),
  trace: groupOrNull<RequestTrace>({
    traceId: idOrNull,
    spanId: idOrNull,
    parentSpanId: idOrNull,
    state: nameOrNull(),
    isSampled: flag,
    sentMs: numberOrNull,
    waits: objectOrNull(),
  }),
  prefers: nameOrNull(),
  cache: groupOrNull({
    result: nameOf(),
    ageMs: numberOrNull,
    saved: numberOrNull,
    savedTokens: numberOrNull,
  }),
  spend: groupOrNull({ budgets: name, reserved: number, worker: number }),
  usage: groupOrNull({
    promptTokens: number,
    completionTokens: number,
    classes: groupOrNull<UsageClasses>({
      input: number,
      cacheRead: number,
      cacheWrite5m: number,
      cacheWrite1h: number,
      audioInput: number,
      imageInput: number,
      output: number,
      reasoning: number,
      audioOutput: number,
      imageOutput: number,
      images: number,
      characters: number,
      seconds: number,
      searches: number,
      fileSearches: number,
      containers: number,
      tier: nameOrNull(),
    }),
  }),
  uncounted: objectOrNull(),
  bodies: objectOrNull(),
  guardrails: objectOrNull(),
  mirror: objectOrNull(),
};
const width = widthOf(table);
const firstCapacity = 64;
/** In no name. */
const separator = '\0';
const noNames: readonly string[] = [];

const writeRow = new Function('row', 'event', writing(table, 'event')) as (
  row: Writer,
  event: RequestFinished,
) => void;
const readRow = new Function('row', `return { type: 'request_finished', ${reading(table)} };`) as (
  row: Reader,
) => RequestFinished;

function widthOf<T>(columns: Columns<T>): number {
  return Object.values<Column<unknown>>(columns).reduce((sum, each) => sum + each.width, 0);
}

function writing<T>(columns: Columns<T>, object: string): string {
  const all = Object.entries<Column<unknown>>(columns);
  return all.map(([field, { write }]) => write(`${object}.${field}`)).join('\n');
}

function reading<T>(columns: Columns<T>): string {
  const all = Object.entries<Column<unknown>>(columns);
  return all.map(([field, { read }]) => `${field}: ${read}`).join(',\n');
}

/** Collects finished requests, such as for one message. */
export class RequestBatch {
  readonly #writer = new Writer();
  size = 0;

  /** @returns its place, for `get`. */
  add(event: RequestFinished): number {
    this.#writer.makeRoom(width);
    const { place } = this.#writer;
    writeRow(this.#writer, event);
    this.size++;
    return place;
  }

  /** One of the requests since the last call of `take`. */
  get(place: number): RequestFinished {
    return readRow(new Reader(this.#writer.packed, place));
  }

  /** The requests since the last call; send them before adding another one. */
  take(): PackedRequests {
    this.size = 0;
    return this.#writer.take();
  }
}

/** @param packed by a worker of the same version. */
export function unpackRequests(packed: PackedRequests): RequestFinished[] {
  const row = new Reader(packed);
  const events: RequestFinished[] = [];
  while (row.left) events.push(readRow(row));
  return events;
}

class Writer {
  #numbers = new Float64Array(firstCapacity * width);
  #texts: string[] = [];
  #objects: object[] = [];
  readonly #places = new Map<string, number>();
  #at = 0;

  /** The place of the next number. */
  get place(): number {
    return this.#at;
  }

  makeRoom(count: number): void {
    if (this.#at + count <= this.#numbers.length) return;
    const larger = new Float64Array(this.#numbers.length * 2);
    larger.set(this.#numbers);
    this.#numbers = larger;
  }

  add(value: number): void {
    this.#numbers[this.#at++] = value;
  }

  addText(text: string): void {
    this.add(this.#texts.push(text) - 1);
  }

  addTextOrNull(text: string | null): void {
    this.add(text === null ? Number.NaN : this.#texts.push(text) - 1);
  }

  addName(text: string | null): void {
    this.add(text === null ? Number.NaN : this.#placeOf(text));
  }

  addNames(names: readonly string[]): void {
    this.addName(names.length === 0 ? null : names.join(separator));
  }

  addObject(value: object | null): void {
    this.add(value === null ? Number.NaN : this.#objects.push(value) - 1);
  }

  #placeOf(name: string): number {
    let place = this.#places.get(name);
    if (place === undefined) {
      place = this.#texts.push(name) - 1;
      this.#places.set(name, place);
    }
    return place;
  }

  get packed(): PackedRequests {
    const numbers = this.#numbers.subarray(0, this.#at);
    return { numbers, texts: this.#texts, objects: this.#objects };
  }

  take(): PackedRequests {
    const taken = this.packed;
    this.#texts = [];
    this.#objects = [];
    this.#places.clear();
    this.#at = 0;
    return taken;
  }
}

class Reader {
  readonly #packed: PackedRequests;
  #at: number;

  constructor(packed: PackedRequests, at = 0) {
    this.#packed = packed;
    this.#at = at;
  }

  get left(): boolean {
    return this.#at < this.#packed.numbers.length;
  }

  next(): number {
    return this.#packed.numbers[this.#at++] as number;
  }

  nextOrNull(): number | null {
    const number = this.next();
    return Number.isNaN(number) ? null : number;
  }

  nextText(): string | null {
    const place = this.next();
    return Number.isNaN(place) ? null : (this.#packed.texts[place] as string);
  }

  nextNames(): readonly string[] {
    return this.nextText()?.split(separator) ?? noNames;
  }

  nextObject(): object | null {
    const place = this.next();
    return Number.isNaN(place) ? null : (this.#packed.objects[place] as object);
  }
}
