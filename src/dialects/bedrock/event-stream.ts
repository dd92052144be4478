import { crc32 } from 'node:zlib';
import { WrongField } from '../conversation/read.js';
import type { SseEvent } from '../sse.js';

/**
 * Frames of `application/vnd.amazon.eventstream`: total length, length of the headers, CRC of both,
 * headers, payload, CRC of all before it. Numbers are big-endian; CRCs are CRC-32 (IEEE).
 */
const preludeBytes = 12;
const leastBytes = preludeBytes + 4;
/** AWS sends no larger one. */
const maxFrameBytes = 25_165_824;

/** True if an answer with this content type is a stream of frames. */
export function isFrameStream(contentType: string | string[] | undefined): boolean {
  return (
    typeof contentType === 'string' &&
    /^application\/vnd\.amazon\.eventstream\s*(;|$)/i.test(contentType)
  );
}

/** Reads frames that arrive in pieces, as events named by their type or that of their exception. */
export class EventStreamSplitter {
  #pending: Buffer[] = [];
  #bytes = 0;
  /** Length of the current frame; known once its prelude has arrived. */
  #length = 0;

  /** @throws WrongField for a damaged frame. */
  push(bytes: Buffer, out: (event: SseEvent) => void): void {
    this.#pending.push(bytes);
    this.#bytes += bytes.length;
    // A large frame in many pieces is joined once.
    if (this.#bytes < this.#length) return;
    let data = this.#pending.length === 1 ? bytes : Buffer.concat(this.#pending);
    for (;;) {
      this.#length = data.length < preludeBytes ? 0 : frameLength(data);
      if (this.#length === 0 || data.length < this.#length) break;
      out(readFrame(data.subarray(0, this.#length)));
      data = data.subarray(this.#length);
    }
    this.#pending = data.length === 0 ? [] : [data];
    this.#bytes = data.length;
  }

  /** @throws WrongField when the stream ends within a frame. */
  end(): void {
    if (this.#bytes > 0) throw new WrongField('', 'ends within a frame');
  }
}

/** Frames that arrive in pieces, as server-sent events: everything past an attempt reads those. */
export class FramesAsEvents {
  readonly #splitter = new EventStreamSplitter();
  readonly #add: (event: SseEvent) => void;
  #text = '';

  /** @param unwrap converts the host's event into the dialect's. */
  constructor(unwrap: ((event: SseEvent) => SseEvent) | null) {
    this.#add = (event) => {
      const { event: name, data } = unwrap ? unwrap(event) : event;
      this.#text += `event: ${name}\ndata: ${data.replace(/\r\n?|\n/g, '\ndata: ')}\n\n`;
    };
  }

  /** @throws WrongField for a damaged frame. */
  push(bytes: Buffer): Buffer {
    this.#text = '';
    this.#splitter.push(bytes, this.#add);
    return Buffer.from(this.#text);
  }

  /** @throws WrongField when the stream ends within a frame. */
  end(): void {
    this.#splitter.end();
  }
}

function frameLength(data: Buffer): number {
  if (crc32(data.subarray(0, 8)) !== data.readUInt32BE(8)) {
    throw new WrongField('', 'holds a frame with a damaged prelude');
  }
  const length = data.readUInt32BE(0);
  if (length < leastBytes || length > maxFrameBytes) {
    throw new WrongField('', `holds a frame of ${length} bytes`);
  }
  return length;
}

function readFrame(frame: Buffer): SseEvent {
  const end = frame.length - 4;
  if (crc32(frame.subarray(0, end)) !== frame.readUInt32BE(end)) {
    throw new WrongField('', 'holds a damaged frame');
  }
  const payload = preludeBytes + frame.readUInt32BE(4);
  if (payload > end) throw new WrongField('', 'holds a frame whose headers are too long');
  const headers = readHeaders(frame.subarray(preludeBytes, payload));
  const name =
    headers.get(':event-type') ?? headers.get(':exception-type') ?? headers.get(':error-code');
  const data = frame.toString('utf8', payload, end);
  // An error has no payload, only a message among its headers.
  const message = headers.get(':error-message');
  return { event: name ?? '', data: message === undefined ? data : JSON.stringify({ message }) };
}

/** Sizes of the values of headers, by their type; 6 and 7 say it themselves. */
const sizes = [0, 0, 1, 2, 4, 8, -1, -1, 8, 16];
const textType = 7;

function readHeaders(bytes: Buffer): Map<string, string> {
  const headers = new Map<string, string>();
  let at = 0;
  while (at < bytes.length) {
    const nameEnd = at + 1 + (bytes[at] as number);
    const type = bytes[nameEnd];
    const fixed = type === undefined ? undefined : sizes[type];
    if (fixed === undefined || (fixed < 0 && nameEnd + 3 > bytes.length)) {
      throw new WrongField('', 'holds a frame with damaged headers');
    }
    const start = nameEnd + (fixed < 0 ? 3 : 1);
    const end = start + (fixed < 0 ? bytes.readUInt16BE(nameEnd + 1) : fixed);
    if (end > bytes.length) throw new WrongField('', 'holds a frame with damaged headers');
    const name = bytes.toString('utf8', at + 1, nameEnd);
    if (type === textType) headers.set(name, bytes.toString('utf8', start, end));
    at = end;
  }
  return headers;
}

/** @param payload JSON */
export function writeFrame(kind: 'event' | 'exception', type: string, payload: string): Buffer {
  const headers =
    header(`:${kind}-type`, type) +
    header(':content-type', 'application/json') +
    header(':message-type', kind);
  const payloadBytes = Buffer.byteLength(payload);
  const length = leastBytes + headers.length + payloadBytes;
  const frame = Buffer.allocUnsafe(length);
  frame.writeUInt32BE(length, 0);
  frame.writeUInt32BE(headers.length, 4);
  frame.writeUInt32BE(crc32(frame.subarray(0, 8)), 8);
  frame.write(headers, preludeBytes, 'latin1');
  frame.write(payload, preludeBytes + headers.length);
  frame.writeUInt32BE(crc32(frame.subarray(0, length - 4)), length - 4);
  return frame;
}

/** One header in latin1, one character a byte. Names and values are short and ASCII. */
function header(name: string, value: string): string {
  const { fromCharCode } = String;
  return fromCharCode(name.length) + name + fromCharCode(textType, 0, value.length) + value;
}
