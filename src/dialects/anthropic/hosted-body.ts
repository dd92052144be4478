import { BodyScanner } from '../body/body-scanner.js';
import { type Edit, edited } from '../head.js';

const COMMA = 0x2c;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;

/**
 * A messages body in the form of another cloud: the host's members first, without some of the
 * client's. Every other byte stays.
 * @param own JSON of the members that the host needs; those also in `left` replace the client's.
 * @param left names of members to leave out.
 * @throws JsonSyntaxError for a body that is not JSON.
 */
export function hostedBody(
  body: Buffer,
  own: Readonly<Record<string, unknown>>,
  left: readonly string[],
): Buffer {
  const scanner = new BodyScanner(new Set(left));
  scanner.push(body);
  const spans = [...scanner.finish().values()].flat();
  const start = body.indexOf(OPEN_OBJECT) + 1;
  const added = JSON.stringify(own).slice(1, -1);
  let isFirstLeft = isEmptyObject(body, start);
  const edits: Edit[] = spans.map(({ start: value, end }) => {
    const key = keyStart(body, value);
    const before = lastOf(body, key - 1);
    if (body[before] === COMMA) return { start: before, end, bytes: nothing };
    isFirstLeft = true;
    return { start: key, end, bytes: nothing };
  });
  const bytes = Buffer.from(isFirstLeft ? added : `${added},`);
  return edited(body, [{ start, end: start, bytes }, ...edits]);
}

const nothing = Buffer.alloc(0);

function isEmptyObject(body: Buffer, start: number): boolean {
  return body.toString('latin1', start).trimStart().startsWith('}');
}

/** Start of the key of a value. The body is known to be JSON. */
function keyStart(body: Buffer, value: number): number {
  const colon = lastOf(body, value - 1);
  let at = lastOf(body, colon - 1) - 1;
  while (body[at] !== QUOTE || isEscaped(body, at)) at--;
  return at;
}

function isEscaped(body: Buffer, at: number): boolean {
  let before = at - 1;
  while (body[before] === BACKSLASH) before--;
  return (at - before) % 2 === 0;
}

/** The last byte at or before a place that is no white space. */
function lastOf(body: Buffer, from: number): number {
  let at = from;
  while (at > 0 && (body[at] as number) <= 0x20) at--;
  return at;
}
