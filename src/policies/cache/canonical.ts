/** Maximum nesting of canonicalized JSON. */
const maxDepth = 260;

/**
 * Canonicalizes JSON: no white space, members sorted by name, scalars as written (`1.0` and `1` may
 * differ to a provider).
 * @param text an object in JSON, one character per byte.
 * @returns its members by name; null if any object has a duplicate name, since readers differ on
 *   which one counts.
 * @throws SyntaxError for invalid JSON.
 */
export function canonicalMembers(text: string): Map<string, string> | null {
  return new Reader(text).members();
}

/** The text of an object with these members, except excluded names. */
export function canonicalText(
  members: ReadonlyMap<string, string>,
  leftOut: ReadonlySet<string>,
): string {
  const names = [...members.keys()].filter((name) => !leftOut.has(name)).sort();
  return `{${names.map((name) => `${written(name)}:${members.get(name)}`).join()}}`;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

class Reader {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  members(): Map<string, string> | null {
    if (++this.#depth > maxDepth) return null;
    const members = new Map<string, string>();
    this.#at = this.#next() + 1;
    while (this.#text.charCodeAt(this.#next()) !== CLOSE_OBJECT) {
      if (this.#text.charCodeAt(this.#at) === COMMA) this.#at++;
      this.#next();
      const name = nameOf(this.#string());
      if (this.#text.charCodeAt(this.#next()) === COLON) this.#at++;
      const value = this.#value();
      if (value === null || members.has(name)) return null;
      members.set(name, value);
    }
    this.#at++;
    this.#depth--;
    return members;
  }

  #value(): string | null {
    switch (this.#text.charCodeAt(this.#next())) {
      case OPEN_OBJECT: {
        const members = this.members();
        return members && canonicalText(members, none);
      }
      case OPEN_ARRAY:
        return this.#array();
      case QUOTE:
        return this.#string();
      default:
        return this.#scalar();
    }
  }

  #array(): string | null {
    if (++this.#depth > maxDepth) return null;
    const values: string[] = [];
    this.#at++;
    while (this.#text.charCodeAt(this.#next()) !== CLOSE_ARRAY) {
      if (this.#text.charCodeAt(this.#at) === COMMA) this.#at++;
      const value = this.#value();
      if (value === null) return null;
      values.push(value);
    }
    this.#at++;
    this.#depth--;
    return `[${values.join()}]`;
  }

  /** With its quotes, as it is written. */
  #string(): string {
    const start = this.#at;
    for (let end = start + 1; ; end++) {
      end = this.#text.indexOf('"', end);
      if (end < 0) throw new SyntaxError('a string does not end');
      let slashes = 0;
      while (this.#text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes++;
      if (slashes % 2 === 1) continue;
      this.#at = end + 1;
      return this.#text.slice(start, this.#at);
    }
  }

  #scalar(): string {
    const start = this.#at;
    while (/[^\s,\]}]/.test(this.#text.charAt(this.#at))) this.#at++;
    if (this.#at === start) throw new SyntaxError('a value is missing');
    return this.#text.slice(start, this.#at);
  }

  /** The place of the next byte that is not white space. */
  #next(): number {
    let code = this.#text.charCodeAt(this.#at);
    while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) {
      code = this.#text.charCodeAt(++this.#at);
    }
    return this.#at;
  }
}

/** In ASCII, as the rest of the text has one character for each byte. */
function written(name: string): string {
  return JSON.stringify(name).replace(/[^ -~]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** The same name may be escaped differently. */
function nameOf(written: string): string {
  if (/^"[ -[\]-~]*"$/.test(written)) return written.slice(1, -1);
  return JSON.parse(Buffer.from(written, 'latin1').toString());
}

const none: ReadonlySet<string> = new Set();
