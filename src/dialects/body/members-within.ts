import { BodyScanner, type Span } from './body-scanner.js';

const QUOTE = 0x22;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const OPEN_OBJECT = 0x7b;
const opening = new Set([OPEN_ARRAY, OPEN_OBJECT]);
const closing = new Set([0x5d, 0x7d]);

/**
 * Finds the text values of members with this name in an object, or in the objects of an array.
 * @param place of that value in a body that is known to be JSON.
 */
export function membersWithin(body: Buffer, place: Span, name: string): Span[] {
  const found: Span[] = [];
  const inside = body[place.start] === OPEN_ARRAY ? 2 : 1;
  let depth = 0;
  let isNamed = false;
  for (let at = place.start; at < place.end; ) {
    const byte = body[at] as number;
    if (byte === QUOTE) {
      const end = endOfString(body, at);
      const isKey = depth === inside && body[nextMark(body, end)] === COLON;
      if (isKey) isNamed = textOf(body, at, end) === name;
      else if (isNamed && depth === inside) found.push({ start: at, end });
      at = end;
      continue;
    }
    if (opening.has(byte)) depth++;
    else if (closing.has(byte)) depth--;
    at++;
  }
  return found;
}

/**
 * The places of a member of an object, by its path; several where keys occur twice, none where it is
 * not there.
 * @param place of the object in a body that is known to be JSON.
 * @throws GatewayError `invalid_request` for a key that only differs in its case.
 */
export function spansAt(body: Buffer, place: Span, path: readonly string[]): Span[] {
  const [name, ...inner] = path;
  if (name === undefined) return [place];
  const bytes = body.subarray(place.start, place.end);
  if (bytes[0] !== OPEN_OBJECT) return [];
  const scanner = new BodyScanner(new Set([name]));
  scanner.push(bytes);
  const found = scanner.finish().get(name) ?? [];
  return found.flatMap(({ start, end }) =>
    spansAt(body, { start: place.start + start, end: place.start + end }, inner),
  );
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
