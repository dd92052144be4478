import { GatewayError } from '../../errors.js';

/** Part of a body, in bytes from its start. */
export interface Span {
  start: number;
  end: number;
}

/** A body is not JSON: the reason, and the offset. */
export class JsonSyntaxError extends Error {
  constructor(reason: string, position: number) {
    super(`${reason} at byte ${position}`);
    this.name = 'JsonSyntaxError';
  }
}

/** Deeper nesting is refused: no API needs it, and a provider's parser may recurse. */
const maxDepth = 256;

/** A duplicate key is legal JSON; many duplicates are an attempt to exhaust memory. */
const maxOccurrences = 16;

const QUOTE = 0x22;
const COMMA = 0x2c;
const ZERO = 0x30;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** The kinds of token that are valid next. */
const VALUE = 0;
const VALUE_OR_CLOSE = 1;
const KEY = 2;
const KEY_OR_CLOSE = 3;
const AFTER_KEY = 4;
const AFTER_VALUE = 5;
const IN_STRING = 6;
const IN_SCALAR = 7;

const none: ReadonlySet<string> = new Set();

const scalar = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)$/;

/**
 * Locates the values of some top-level members of a JSON object while the body arrives: one pass,
 * no recursion, no copy, so any body costs linear time, and each piece little. Checks the grammar
 * (RFC 8259) but not the inside of strings, which only the provider reads.
 */
export class BodyScanner {
  readonly #wanted: ReadonlySet<string>;
  readonly #noted: ReadonlySet<string>;
  readonly #similar: RegExp;
  readonly #spans = new Map<string, Span[]>();
  #state = VALUE;
  /** Total length of the chunks before the current one. */
  #offset = 0;
  /** For each open value: true for an object, false for an array. */
  readonly #open: boolean[] = [];
  #stringIsKey = false;
  #escaped = false;
  /** Text of the current top-level key so far. */
  #key = '';
  /** Text of the current number or literal. */
  #scalar = '';
  #valueStart = 0;

  /**
   * @param noted further members, of which only the last place is kept; names similar to these are
   *   not refused.
   */
  constructor(wanted: ReadonlySet<string>, noted: ReadonlySet<string> = none) {
    this.#wanted = wanted;
    this.#noted = noted;
    this.#similar = similarTo(wanted);
  }

  /**
   * Takes the next piece of the body.
   * @throws JsonSyntaxError, GatewayError `invalid_request` for a key that differs from a wanted
   *   one only in case.
   */
  push(chunk: Buffer): void {
    let i = 0;
    while (i < chunk.length) {
      if (this.#state === IN_STRING) i = this.#string(chunk, i);
      else if (this.#state === IN_SCALAR) i = this.#scalarPart(chunk, i);
      else i = this.#structure(chunk, i);
    }
    this.#offset += chunk.length;
  }

  /**
   * Ends the body.
   * @returns the places of each wanted key's values (a key may occur twice).
   * @throws JsonSyntaxError when the body is not one complete object.
   */
  finish(): ReadonlyMap<string, readonly Span[]> {
    if (this.#state !== AFTER_VALUE || this.#open.length !== 0) {
      throw new JsonSyntaxError('unexpected end', this.#offset);
    }
    return this.#spans;
  }

  #structure(chunk: Buffer, from: number): number {
    let i = from;
    for (; i < chunk.length; i++) {
      const byte = chunk[i] as number;
      if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) continue;
      switch (this.#state) {
        case AFTER_KEY:
          if (byte !== COLON) this.#fail('expected ":"', i);
          this.#state = VALUE;
          continue;
        case AFTER_VALUE:
          if (this.#open.length === 0) this.#fail('unexpected text after the object', i);
          if (byte === COMMA) this.#state = this.#open.at(-1) ? KEY : VALUE;
          else this.#close(byte, i);
          continue;
        case KEY_OR_CLOSE:
          if (byte === CLOSE_OBJECT) {
            this.#close(byte, i);
            continue;
          }
          break;
        case VALUE_OR_CLOSE:
          if (byte === CLOSE_ARRAY) {
            this.#close(byte, i);
            continue;
          }
          break;
      }
      const isKey = this.#state === KEY || this.#state === KEY_OR_CLOSE;
      if (isKey && byte !== QUOTE) this.#fail('expected a key in quotes', i);
      if (this.#open.length === 0 && byte !== OPEN_OBJECT) this.#fail('expected an object', i);
      if (!isKey && this.#open.length === 1) this.#valueStart = this.#offset + i;
      if (byte === QUOTE) {
        this.#stringIsKey = isKey;
        if (isKey && this.#open.length === 1) this.#key = '';
        this.#state = IN_STRING;
        return i + 1;
      }
      if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
        this.#begin(byte === OPEN_OBJECT, i);
        continue;
      }
      this.#state = IN_SCALAR;
      this.#scalar = '';
      return i;
    }
    return i;
  }

  #string(chunk: Buffer, from: number): number {
    let i = from;
    if (this.#escaped) {
      this.#escaped = false;
      i++;
    }
    for (;;) {
      // Native search is faster than a loop even between nearby quotes, so escapes are only looked
      // for before a quote.
      const found = chunk.indexOf(QUOTE, i);
      const quote = found < 0 ? chunk.length : found;
      let slashes = 0;
      while (quote - slashes > i && chunk[quote - slashes - 1] === BACKSLASH) slashes++;
      const isEscaped = slashes % 2 === 1;
      if (quote === chunk.length) {
        this.#escaped = isEscaped;
        this.#keepKey(chunk, from, quote);
        return quote;
      }
      if (!isEscaped) return this.#endString(chunk, from, quote);
      i = quote + 1;
    }
  }

  /** Numbers, `true`, `false` and `null`: collected, then validated as a whole. */
  #scalarPart(chunk: Buffer, from: number): number {
    let i = from;
    while (isDigit(chunk[i])) i++;
    const isWhole = i > from && i < chunk.length && !isScalarByte(chunk[i] as number);
    // Arrays of tokens are full of plain numbers: one that has arrived whole needs no string.
    if (isWhole && this.#scalar === '' && (chunk[from] !== ZERO || i === from + 1)) {
      this.#endValue(this.#offset + i);
      return i;
    }
    while (i < chunk.length && isScalarByte(chunk[i] as number)) i++;
    this.#scalar += chunk.toString('latin1', from, i);
    if (i === chunk.length) return i;
    if (!scalar.test(this.#scalar)) this.#fail('unexpected text', i - this.#scalar.length);
    this.#endValue(this.#offset + i);
    return i;
  }

  #begin(isObject: boolean, i: number): void {
    if (this.#open.length === maxDepth) this.#fail(`nested more than ${maxDepth} deep`, i);
    this.#open.push(isObject);
    this.#state = isObject ? KEY_OR_CLOSE : VALUE_OR_CLOSE;
  }

  #close(byte: number, i: number): void {
    const expected = this.#open.pop() ? CLOSE_OBJECT : CLOSE_ARRAY;
    if (byte !== expected) this.#fail(`expected "," or "${String.fromCharCode(expected)}"`, i);
    this.#endValue(this.#offset + i + 1);
  }

  #endString(chunk: Buffer, from: number, quote: number): number {
    this.#keepKey(chunk, from, quote);
    if (this.#stringIsKey) this.#state = AFTER_KEY;
    else this.#endValue(this.#offset + quote + 1);
    return quote + 1;
  }

  #endValue(end: number): void {
    this.#state = AFTER_VALUE;
    if (this.#open.length !== 1) return;
    const key = this.#key.includes('\\') ? unescaped(this.#key) : this.#key;
    const span = { start: this.#valueStart, end };
    if (!this.#wanted.has(key)) {
      if (this.#noted.has(key)) this.#spans.set(key, [span]);
      else if (this.#similar.test(key)) throw ambiguous(key, this.#wanted);
      return;
    }
    const spans = this.#spans.get(key);
    if (spans?.length === maxOccurrences) {
      throw new JsonSyntaxError(`"${key}" occurs more than ${maxOccurrences} times`, span.start);
    }
    if (spans) spans.push(span);
    else this.#spans.set(key, [span]);
  }

  #keepKey(chunk: Buffer, start: number, end: number): void {
    if (this.#stringIsKey && this.#open.length === 1)
      this.#key += chunk.toString('latin1', start, end);
  }

  #fail(reason: string, i: number): never {
    throw new JsonSyntaxError(reason, this.#offset + i);
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= 0x39;
}

function isScalarByte(byte: number): boolean {
  return (
    isDigit(byte) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    byte === 0x2d ||
    byte === 0x2b ||
    byte === 0x2e ||
    byte === 0x45
  );
}

const similar = new WeakMap<ReadonlySet<string>, RegExp>();

/**
 * Matches these names as parsers that ignore case do, such as those of Go and .NET: by Unicode's
 * simple folding, where `ſ` equals s and the Kelvin sign equals k. Keys contain raw bytes of UTF-8,
 * one character each.
 */
function similarTo(names: ReadonlySet<string>): RegExp {
  const known = similar.get(names);
  if (known) return known;
  const letters: Readonly<Record<string, string>> = {
    s: '(?:[sSſ]|\\xc5\\xbf)',
    k: '(?:[kK\\u212a]|\\xe2\\x84\\xaa)',
  };
  const pattern = (name: string) =>
    [...name].map((each) => letters[each] ?? `[${each}${each.toUpperCase()}]`).join('');
  const made = new RegExp(`^(?:${[...names].map(pattern).join('|')})$`);
  similar.set(names, made);
  return made;
}

/**
 * Refuses members that a provider may read and the gateway does not: through one, a client could
 * get a model that its key was not checked for.
 */
function ambiguous(key: string, wanted: ReadonlySet<string>): GatewayError {
  const shown = Buffer.from(key, 'latin1').toString();
  const meant = [...wanted].find((name) => similarTo(new Set([name])).test(key));
  return new GatewayError('invalid_request', `"${shown}" must be written "${meant}".`, {
    param: meant ?? shown,
  });
}

/** A key written with escapes, such as `mod\u0065l`, is the same key. */
function unescaped(key: string): string {
  try {
    return JSON.parse(`"${key}"`) as string;
  } catch {
    return key;
  }
}
