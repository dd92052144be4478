import type { Span } from './body-scanner.js';

const QUOTE = 0x22;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const opening = new Set([0x5b, 0x7b]);
const closing = new Set([0x5d, 0x7d]);

/**
 * Finds the text values of members with this name in the objects of an array.
 * @param array place of the array in a body that is known to be JSON.
 */
export function membersWithin(body: Buffer, array: Span, name: string): Span[] {
  const found: Span[] = [];
  let depth = 0;
  let isNamed = false;
  for (let at = array.start; at < array.end; ) {
    const byte = body[at] as number;
    if (byte === QUOTE) {
      const end = endOfString(body, at);
      const isKey = depth === 2 && body[nextMark(body, end)] === COLON;
      if (isKey) isNamed = textOf(body, at, end) === name;
      else if (isNamed && depth === 2) found.push({ start: at, end });
      at = end;
      continue;
    }
    if (opening.has(byte)) depth++;
    else if (closing.has(byte)) depth--;
    at++;
  }
  return found;
}

function endOfString(body: Buffer, quote: number): number {
  let at = quote + 1;
  while (body[at] !== QUOTE) at += body[at] === BACKSLASH ? 2 : 1;
  return at + 1;
}

function nextMark(body: Buffer, from: number): number {
  let at = from;
  while ((body[at] as number) <= 0x20) at++;
  return at;
}

/** Escapes count: `"\u006dodel"` is the same key. */
function textOf(body: Buffer, start: number, end: number): unknown {
  const text = body.toString('utf8', start, end);
  return text.includes('\\') ? JSON.parse(text) : text.slice(1, -1);
}
