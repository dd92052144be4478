/**
 * Server-sent events (WHATWG HTML, section 9.2.6), the only place that knows where an event ends.
 * A line ends with LF, CRLF or CR; a blank line ends an event.
 */

/** One event of a stream. */
export interface SseEvent {
  /** The last `event:` field; empty when there is none. */
  event: string;
  /** The `data:` fields, joined by line feeds. */
  data: string;
}

const LF = 0x0a;
const CR = 0x0d;
const noBytes = Buffer.alloc(0);

/** Larger than any legitimate event, images included. */
const maxEventBytes = 33_554_432;

/** Terminates an incomplete event, so that another can follow. */
export const blankLine = Buffer.from('\n\n');

/** True if an answer with this content type is a stream of events. */
export function isEventStream(contentType: string | string[] | undefined): boolean {
  return typeof contentType === 'string' && /^text\/event-stream\s*(;|$)/i.test(contentType);
}

/** An event as bytes. @param data without line ends, as JSON is. */
export function writeEvent(data: string, event = ''): Buffer {
  return Buffer.from(event === '' ? `data: ${data}\n\n` : `event: ${event}\ndata: ${data}\n\n`);
}

/** The events of a whole stream; an unterminated last one counts. */
export function readEvents(stream: Buffer): SseEvent[] {
  const events: SseEvent[] = [];
  const splitter = new SseSplitter();
  const add = (event: SseEvent) => events.push(event);
  splitter.push(stream, add);
  splitter.end(add);
  return events;
}

/** Reads a stream that arrives in pieces. Comments, ids and events without data are skipped. */
export class SseSplitter {
  readonly #cutter = new EventCutter();
  #atStart = true;

  /** @throws RangeError when one event is longer than 32 MiB. */
  push(bytes: Buffer, out: (event: SseEvent) => void): void {
    const whole = this.#cutter.push(bytes);
    if (this.#cutter.pendingBytes > maxEventBytes) {
      throw new RangeError(`an event is longer than ${maxEventBytes} bytes`);
    }
    if (whole.length > 0) this.#read(whole, out);
  }

  /**
   * Ends the stream; an unterminated event counts, since some providers omit the last blank line.
   */
  end(out: (event: SseEvent) => void): void {
    const rest = this.#cutter.flush();
    if (rest.length > 0) this.#read(Buffer.concat([rest, blankLine]), out);
  }

  #read(events: Buffer, out: (event: SseEvent) => void): void {
    let text = events.toString('utf8');
    if (this.#atStart && text.startsWith('\ufeff')) text = text.slice(1);
    this.#atStart = false;
    if (text.includes('\r')) text = text.replace(/\r\n?/g, '\n');
    let event = '';
    let data: string | null = null;
    for (let at = 0; at < text.length; ) {
      const end = text.indexOf('\n', at);
      if (end === at) {
        if (data !== null) out({ event, data });
        event = '';
        data = null;
      } else if (text.startsWith('data', at)) {
        const value = fieldValue(text, at + 4, end);
        if (value !== null) data = data === null ? value : `${data}\n${value}`;
      } else if (text.startsWith('event', at)) {
        event = fieldValue(text, at + 5, end) ?? event;
      }
      at = end + 1;
    }
  }
}

/**
 * The value after a field's name, without one leading space; null if the name only begins the same.
 */
function fieldValue(text: string, colon: number, end: number): string | null {
  if (colon === end) return '';
  if (text[colon] !== ':') return null;
  return text.slice(text[colon + 1] === ' ' ? colon + 2 : colon + 1, end);
}

/** Splits a stream that arrives in pieces after whole events, without parsing them. */
export class EventCutter {
  /** Bytes of an incomplete event. */
  pendingBytes = 0;
  #pending: Buffer[] = [];
  #last = 0;

  /** All whole events so far; the rest waits. May be empty. */
  push(piece: Buffer): Buffer {
    const before = this.#last;
    this.#last = lastBytes(before, piece);
    // Most pieces are whole events.
    if (this.pendingBytes === 0 && endsEvent(this.#last)) return piece;
    const end = endOfLastEvent(piece, before);
    if (end === 0) {
      this.#wait(piece);
      return noBytes;
    }
    this.#pending.push(piece.subarray(0, end));
    const whole = this.flush();
    this.#wait(piece.subarray(end));
    return whole;
  }

  /**
   * The beginning of an incomplete event. Trailing line ends are held, since they may begin its
   * end.
   */
  pass(): Buffer {
    const bytes = this.flush();
    const end = endOfText(bytes);
    this.#wait(bytes.subarray(end));
    return bytes.subarray(0, end);
  }

  /** Returns the held bytes. */
  flush(): Buffer {
    const [first = noBytes] = this.#pending;
    const rest = this.#pending.length > 1 ? Buffer.concat(this.#pending) : first;
    this.#pending = [];
    this.pendingBytes = 0;
    return rest;
  }

  #wait(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#pending.push(bytes);
    this.pendingBytes += bytes.length;
  }
}

/** Position after the last byte that is not part of a line end. */
function endOfText(bytes: Buffer): number {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === LF || bytes[end - 1] === CR)) end--;
  return end;
}

/** Tracks whether the bytes so far end with a whole event; the start of a stream counts as one. */
export class EventEnd {
  #last = (LF << 8) | LF;

  push(piece: Buffer): void {
    this.#last = lastBytes(this.#last, piece);
  }

  get isHere(): boolean {
    return endsEvent(this.#last);
  }
}

/** Position after the event that begins at `from`; the end of the bytes if it is incomplete. */
export function endOfEvent(events: Buffer, from: number): number {
  let last = 0;
  for (let i = from; i < events.length; i++) {
    last = ((last << 8) | (events[i] as number)) & 0xffffff;
    if (endsEvent(last)) return i + 1;
  }
  return events.length;
}

/**
 * Position after the last event that ends in this piece, or 0.
 * @param before the preceding bytes.
 */
function endOfLastEvent(piece: Buffer, before: number): number {
  let lf = piece.lastIndexOf(LF);
  let cr = piece.lastIndexOf(CR);
  for (let i = Math.max(lf, cr); i >= 0; i = Math.max(lf, cr)) {
    if (endsEvent(lastBytes(before, piece, i + 1))) return i + 1;
    if (i === lf) lf = i === 0 ? -1 : piece.lastIndexOf(LF, i - 1);
    else cr = i === 0 ? -1 : piece.lastIndexOf(CR, i - 1);
  }
  return 0;
}

/** The last three bytes up to `end`, including earlier ones, as one number. */
function lastBytes(before: number, piece: Buffer, end = piece.length): number {
  let last = before;
  for (let i = Math.max(0, end - 3); i < end; i++) {
    last = ((last << 8) | (piece[i] as number)) & 0xffffff;
  }
  return last;
}

/**
 * True if these last three bytes end with a blank line. After a lone CR, the LF of a CRLF may still
 * follow, so LF CR alone is no end yet.
 */
function endsEvent(last: number): boolean {
  const pair = last & 0xffff;
  if (pair === 0x0a0a || pair === 0x0d0d) return true;
  return last === 0x0a0d0a || last === 0x0d0d0a;
}
