import { colon, cr, lf, space, tab, tokenBytes, valueBytes } from './characters.js';
import { Fields } from './fields.js';
import { ProtocolError } from './protocol-error.js';

/** States of the field lines; those of a start line are negative. */
const lineStart = 0;
const inName = 1;
const beforeValue = 2;
const inValue = 3;
const lineFeed = 4;
const lastLineFeed = 5;
const complete = 6;

/** Initial allocation for a section that arrives in pieces. */
const firstHeldBytes = 1024;

/**
 * Field lines up to the empty line that ends them: the trailers of a body and, with a start line
 * before them (see the subclasses), the head of a message.
 *
 * Each byte is examined once, however the stream is split. A section within one chunk is read in
 * place; one over several is assembled in `held`, up to the limit.
 */
export class Section {
  /** Everything up to the empty line, one character per byte, once it is complete. */
  text = '';
  protected state: number;
  /** Start of the name or another part of a line, counted from the start of the section. */
  protected mark = 0;
  private nameEnd = 0;
  private valueStart = 0;
  private places: number[] = [];
  private held: Buffer | null = null;
  private heldBytes = 0;
  private scannedBytes = 0;

  /**
   * @param maxBytes of all lines together.
   * @param what the section's name in messages.
   */
  constructor(
    protected readonly maxBytes: number,
    private readonly maxFields: number,
    private readonly what: string,
    private readonly firstState = lineStart,
  ) {
    this.state = firstState;
  }

  /** The fields of a complete section. */
  get fields(): Fields {
    return new Fields(this.text, this.places);
  }

  /** The bytes of an unfinished section that came in earlier pieces; null where there are none. */
  get arrived(): Buffer | null {
    return this.held?.subarray(0, this.heldBytes) ?? null;
  }

  /** True if no byte of it has arrived. */
  get isEmpty(): boolean {
    return this.held === null && this.state === this.firstState;
  }

  /**
   * Continues reading.
   * @returns the place after the section in `chunk`, or -1 if it needs more.
   * @throws ProtocolError at the first invalid byte.
   */
  read(chunk: Buffer, from: number): number {
    const { held } = this;
    if (held !== null) return this.readHeld(held, chunk, from);
    const end = this.scan(chunk, from, chunk.length, from);
    const bytes = end - from;
    if (bytes > this.maxBytes) this.failTooLarge();
    if (this.state === complete) {
      this.text = chunk.toString('latin1', from, end);
      return end;
    }
    const kept = Buffer.allocUnsafe(Math.max(firstHeldBytes, 2 * bytes));
    chunk.copy(kept, 0, from, end);
    this.held = kept;
    this.heldBytes = bytes;
    this.scannedBytes = bytes;
    return -1;
  }

  /** Begins the next section; results of the last one stay valid. */
  reset(): void {
    this.state = this.firstState;
    this.mark = 0;
    this.text = '';
    this.places = [];
    this.held = null;
  }

  /**
   * Reads a start line, in states of its own, until it sets `fieldsFollow` or the bytes end.
   * @param base where the section begins in `bytes`.
   * @returns where it stopped.
   */
  protected scanStart(_bytes: Buffer, at: number, _end: number, _base: number): number {
    return at;
  }

  /** The start line is over: called with the place after its line feed. */
  protected fieldsFollow(): void {
    this.state = lineStart;
  }

  private readHeld(held: Buffer, chunk: Buffer, from: number): number {
    // One byte past the limit is enough to detect that it was exceeded.
    const bytes = Math.min(chunk.length - from, this.maxBytes + 1 - this.heldBytes);
    const total = this.heldBytes + bytes;
    let all = held;
    if (total > held.length) {
      all = Buffer.allocUnsafe(Math.max(2 * held.length, total));
      held.copy(all, 0, 0, this.heldBytes);
      this.held = all;
    }
    const before = this.heldBytes;
    chunk.copy(all, before, from, from + bytes);
    this.heldBytes = total;
    const end = this.scan(all, this.scannedBytes, total, 0);
    if (end > this.maxBytes) this.failTooLarge();
    if (this.state === complete) {
      this.text = all.toString('latin1', 0, end);
      return from + end - before;
    }
    this.scannedBytes = total;
    return -1;
  }

  /** Looks at each byte from `from` on, once. Stops after the section or at `end`. */
  private scan(bytes: Buffer, from: number, end: number, base: number): number {
    let at = from;
    if (this.state < lineStart) {
      at = this.scanStart(bytes, at, end, base);
      if (this.state < lineStart) return at;
    }
    let { state } = this;
    // Locals: the loop would reload fields for each byte.
    const [isToken, isValue] = [tokenBytes, valueBytes];
    while (at < end) {
      if (state === lineStart) {
        if (bytes[at] === cr) {
          state = lastLineFeed;
          at++;
          continue;
        }
        this.mark = at - base;
        state = inName;
      }
      if (state === inName) {
        while (at < end && isToken[bytes[at] as number] === 1) at++;
        if (at === end) break;
        this.nameEnd = at - base;
        if (bytes[at] !== colon || this.nameEnd === this.mark) this.failName(bytes[at] as number);
        at++;
        state = beforeValue;
      }
      if (state === beforeValue) {
        while (at < end && (bytes[at] === space || bytes[at] === tab)) at++;
        if (at === end) break;
        this.valueStart = at - base;
        state = inValue;
      }
      if (state === inValue) {
        while (at < end && isValue[bytes[at] as number] === 1) at++;
        if (at === end) break;
        if (bytes[at] !== cr) {
          throw new ProtocolError(`a field of the ${this.what} holds a control character`);
        }
        this.addField(bytes, at, base);
        at++;
        state = lineFeed;
        continue;
      }
      if (bytes[at] !== lf) throw new ProtocolError('a carriage return has no line feed after it');
      at++;
      if (state === lastLineFeed) {
        state = complete;
        break;
      }
      state = lineStart;
    }
    this.state = state;
    return at;
  }

  private addField(bytes: Buffer, end: number, base: number): void {
    let last = end;
    const start = base + this.valueStart;
    while (last > start && (bytes[last - 1] === space || bytes[last - 1] === tab)) last--;
    const { places } = this;
    if (places.length >= 4 * this.maxFields) {
      throw new ProtocolError(`the ${this.what} has more than ${this.maxFields} fields`, 431);
    }
    places.push(this.mark, this.nameEnd, this.valueStart, last - base);
  }

  private failName(byte: number): never {
    const isFirst = this.nameEnd === this.mark;
    if (isFirst && (byte === space || byte === tab)) {
      throw new ProtocolError('a line begins with a space (folded lines are obsolete)');
    }
    if (byte === space || byte === tab) {
      throw new ProtocolError('there is a space between the name of a field and its colon');
    }
    throw new ProtocolError(`a line of the ${this.what} does not begin with the name of a field`);
  }

  private failTooLarge(): never {
    throw new ProtocolError(`the ${this.what} is larger than ${this.maxBytes} bytes`, 431);
  }
}
