import { GatewayError } from '../../errors.js';

/** A text field of a form, and where its value is in the body, in bytes. */
export interface FormField {
  value: string;
  start: number;
  end: number;
}

const maxHeaderBytes = 16_384;
/** Maximum size of a field that is searched for. */
const maxValueBytes = 4_096;

const LF = 0x0a;
const CR = 0x0d;
const DASH = 0x2d;

const inData = 0;
const afterDelimiter = 1;
const inHeaders = 2;
const inEpilogue = 3;

/** True if a `content-type` is that of a form with files. */
export function isForm(contentType: string): boolean {
  return /^\s*multipart\/form-data\s*(;|$)/i.test(contentType);
}

/**
 * The boundary that a `content-type` names.
 * @throws GatewayError `invalid_request` where it names none that RFC 2046 allows.
 */
export function boundaryOf(contentType: string): string {
  const parameters = parametersOf(contentType.trim(), /^multipart\/form-data\s*/i) ?? [];
  // Some readers accept RFC 2231's `boundary*` for the same parameter.
  const boundaries = parameters.filter(([name]) => /^boundary(\*|$)/.test(name));
  const [[name, boundary] = ['', '']] = boundaries;
  const isValid = /^[\w'()+,./:=? -]{0,69}[\w'()+,./:=?-]$/.test(boundary);
  if (boundaries.length !== 1 || name !== 'boundary' || !isValid) {
    throw invalid('content-type', 'The content-type must name one valid boundary.');
  }
  return boundary;
}

/**
 * Finds text fields in multipart/form-data (RFC 7578) while it arrives; files are only searched for
 * the boundary. Strict where lenient readers differ, so that no provider finds a field that was
 * missed here.
 */
export class FormScanner {
  /** The wanted fields found so far. */
  readonly fields = new Map<string, FormField>();
  readonly #wanted: ReadonlySet<string>;
  readonly #refused: ReadonlySet<string>;
  readonly #delimiter: Buffer;
  #state = inData;
  /** Unread rest of earlier pieces; at first, the line end that may precede the first boundary. */
  #rest = Buffer.from('\r\n');
  /** Place of `#rest` in the body. */
  #offset = -2;
  /** The wanted field whose value is being read. */
  #name: string | null = null;
  /** Start of the part's data. */
  #dataStart = -2;
  #value: Buffer[] = [];
  #valueBytes = 0;

  /** @param refused names of fields that the form must not contain. */
  constructor(boundary: string, wanted: ReadonlySet<string>, refused: ReadonlySet<string>) {
    this.#delimiter = Buffer.from(`\n--${boundary}`, 'latin1');
    this.#wanted = wanted;
    this.#refused = refused;
  }

  /** @throws GatewayError `invalid_request`, `model_not_allowed` for a field that is refused. */
  push(piece: Buffer): void {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    let at = 0;
    for (let next = this.#step(bytes, at); next >= 0; next = this.#step(bytes, at)) at = next;
    // Copied, so that a short rest does not keep its whole piece alive.
    if (this.#state === inData) at = this.#take(bytes, at);
    this.#rest = Buffer.from(bytes.subarray(at));
    this.#offset += at;
  }

  /**
   * Ends the body.
   * @throws GatewayError `invalid_request` within a form.
   */
  finish(): void {
    if (this.#state !== inEpilogue) throw broken('it does not end with its boundary');
  }

  /**
   * Reads one step.
   * @returns the place after it, or -1 if it needs more bytes.
   */
  #step(bytes: Buffer, at: number): number {
    switch (this.#state) {
      case inData:
        return this.#data(bytes, at);
      case afterDelimiter:
        return this.#afterDelimiter(bytes, at);
      case inHeaders:
        return this.#headers(bytes, at);
      default:
        return at < bytes.length ? bytes.length : -1;
    }
  }

  #data(bytes: Buffer, at: number): number {
    const found = bytes.indexOf(this.#delimiter, at);
    if (found < 0) return -1;
    // Some readers accept a bare line feed as a line end, and would find other fields.
    const isOwnLine = bytes[found - 1] === CR && this.#offset + found >= this.#dataStart;
    if (!isOwnLine) throw broken('a boundary has no line of its own');
    this.#addValue(bytes, at, found - 1);
    this.#endValue();
    this.#state = afterDelimiter;
    return found + this.#delimiter.length;
  }

  /** Consumes all bytes except those that may begin a boundary. */
  #take(bytes: Buffer, at: number): number {
    const end = Math.max(at, bytes.length - this.#delimiter.length);
    this.#addValue(bytes, at, end);
    return end;
  }

  #afterDelimiter(bytes: Buffer, from: number): number {
    let at = from;
    if (bytes[at] === DASH && bytes.length > at + 1) {
      if (bytes[at + 1] !== DASH) throw broken('its boundary is not its own');
      this.#state = inEpilogue;
      return at + 2;
    }
    while (bytes[at] === 0x20 || bytes[at] === 0x09) at++;
    if (at - from > maxHeaderBytes) throw broken('a boundary is too long');
    if (bytes.length < at + 2) return -1;
    if (bytes[at] !== CR || bytes[at + 1] !== LF) throw broken('its boundary is not its own');
    this.#state = inHeaders;
    return at + 2;
  }

  #headers(bytes: Buffer, at: number): number {
    const end = bytes.indexOf('\r\n\r\n', at);
    if ((end < 0 ? bytes.length : end) - at > maxHeaderBytes) {
      throw broken('the headers of a part are too long');
    }
    if (end < 0) return -1;
    const name = nameIn(bytes.toString('latin1', at, end), this.#wanted, this.#refused);
    if (name !== null) {
      if (this.fields.has(name)) throw invalid(name, `${name} must not be given twice.`);
      this.#name = name;
    }
    this.#dataStart = this.#offset + end + 4;
    this.#state = inData;
    // Lenient readers take this line end as part of a boundary that follows immediately.
    return end + 2;
  }

  #addValue(bytes: Buffer, at: number, to: number): void {
    const from = Math.max(at, this.#dataStart - this.#offset);
    if (this.#name === null || to <= from) return;
    this.#valueBytes += to - from;
    if (this.#valueBytes > maxValueBytes) {
      throw invalid(this.#name, `${this.#name} is longer than ${maxValueBytes} bytes.`);
    }
    this.#value.push(Buffer.from(bytes.subarray(from, to)));
  }

  #endValue(): void {
    if (this.#name === null) return;
    const start = this.#dataStart;
    const value = Buffer.concat(this.#value).toString();
    this.fields.set(this.#name, { value, start, end: start + this.#valueBytes });
    this.#name = null;
    this.#value = [];
    this.#valueBytes = 0;
  }
}

/**
 * The wanted field that a part is; null for any other.
 * @throws GatewayError `invalid_request` where readers could disagree on its name;
 *   `model_not_allowed`.
 */
function nameIn(
  headers: string,
  wanted: ReadonlySet<string>,
  refused: ReadonlySet<string>,
): string | null {
  // Readers differ on lines that are folded or end differently.
  if (/[\0]|\r(?!\n)|(?<!\r)\n|\n[ \t]/.test(headers))
    throw broken('the headers of a part are not valid');
  const lines = headers.split('\r\n').map((line) => /^([^:\s]+):(.*)$/s.exec(line));
  if (lines.includes(null)) throw broken('the headers of a part are not valid');
  const valuesOf = (name: string) =>
    lines.flatMap((line) => (line?.[1]?.toLowerCase() === name ? (line[2] ?? '').trim() : []));
  const [disposition, another] = valuesOf('content-disposition');
  if (disposition === undefined || another !== undefined) {
    throw broken('a part has no content-disposition of its own');
  }
  if (!/^form-data\s*(;|$)/i.test(disposition)) throw broken('a part is not form-data');
  const parameters = parametersOf(disposition, /^form-data\s*/i);
  if (!parameters) throw broken('the content-disposition of a part is not valid');
  const names = parameters.filter(([name]) => name === 'name' || name === 'name*');
  const [[kind, name] = ['', '']] = names;
  if (names.length !== 1 || kind !== 'name') throw broken('a part has not one name');
  const read = plain(name);
  if (refused.has(read)) {
    const message = `This key may use some models only, and "${read}" of a form could name others.`;
    throw new GatewayError('model_not_allowed', message, { param: read });
  }
  const similar = wanted.has(read) ? read : undefined;
  if (similar === undefined) return null;
  const isFile = parameters.some(([each]) => each === 'filename' || each === 'filename*');
  const [coding = '7bit'] = valuesOf('content-transfer-encoding');
  if (name !== similar || isFile || !/^(7bit|8bit|binary)$/i.test(coding)) {
    throw invalid(similar, `${similar} must be a plain text field of this name.`);
  }
  return similar;
}

/** A name as the most lenient reader understands it; some read `name[]` as a list of this name. */
function plain(name: string): string {
  return name
    .replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/[\\"\s]/g, '')
    .replace(/\[.*$/, '')
    .toLowerCase();
}

/** The parameters after `start`, as in `form-data; name="a"; filename="b"`; null if invalid. */
function parametersOf(text: string, start: RegExp): [name: string, value: string][] | null {
  const found: [string, string][] = [];
  let at = start.exec(text)?.[0].length ?? 0;
  const parameter = /;\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))\s*|;\s*$/y;
  while (at < text.length) {
    parameter.lastIndex = at;
    const next = parameter.exec(text);
    if (!next) return null;
    at = parameter.lastIndex;
    if (next[1] !== undefined) found.push([next[1].toLowerCase(), next[2] ?? next[3] ?? '']);
  }
  return found;
}

function broken(reason: string): GatewayError {
  return new GatewayError(
    'invalid_request',
    `The body is not valid multipart/form-data: ${reason}.`,
  );
}

function invalid(param: string, message: string): GatewayError {
  return new GatewayError('invalid_request', message, { param });
}
