import { BodyScanner } from '../../dialects/body/body-scanner.js';
import { type JsonText, textsIn } from '../../dialects/body/json-texts.js';
import type { RequestPlace } from '../../dialects/codec.js';
import type { Dialect } from '../../dialects/dialect.js';
import { edited, type ModelRequest } from '../../dialects/head.js';
import type { Replacement } from './inspector.js';
import { editsOf, withReplaced } from './text-edits.js';

/** The texts of a whole body; a body that is not JSON is one text. */
export function textsOf(body: Buffer): JsonText[] {
  if (body.length === 0) return [];
  try {
    return textsIn(body);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return [{ ...plain, end: body.length, text: body.toString() }];
  }
}

const plain = { at: '', name: '', start: 0, kind: 'text' } as const;

/** Reads the head of a request's body. */
export function requestOf(dialect: Dialect, body: Buffer, place: RequestPlace): ModelRequest {
  const scanner = new BodyScanner(dialect.members, dialect.said.tops);
  scanner.push(body);
  return dialect.readHead(body, scanner.finish(), place);
}

/** True for bytes that are not text, such as an image. */
export function isBinary(body: Buffer): boolean {
  return !body.equals(Buffer.from(body.toString())) || body.includes(0);
}

/** The body with these replacements in its texts, in the order of the texts. */
export function replacedIn(
  body: Buffer,
  texts: readonly JsonText[],
  replacements: readonly (readonly Replacement[])[],
): Buffer {
  if (replacements.every((own) => own.length === 0)) return body;
  const [first] = texts;
  if (first && first.start === 0 && first.end === body.length && body[0] !== 0x22) {
    return Buffer.from(withReplaced(first.text, replacements[0] ?? []));
  }
  const edits = texts.flatMap((text, index) => editsOf(body, text, replacements[index] ?? []));
  return edited(body, edits);
}
