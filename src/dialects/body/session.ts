import { hash } from 'node:crypto';
import type { Dialect } from '../dialect.js';
import type { ModelRequest, Spans } from '../head.js';
import { sessionIds, textIn } from './said.js';

/** Members that a prompt consists of, in the order in which providers read them. */
const instructions = ['system', 'systemInstruction', 'system_instruction', 'instructions'] as const;
const turns = ['messages', 'input', 'contents', 'prompt'] as const;

/** Bytes of a prompt that are hashed: providers do not cache shorter prefixes. */
const maxPrefixBytes = 16_384;

const known = new Map<Dialect, ReadonlySet<string>>();

/**
 * Members of requests in this dialect whose places `promptPrefix` needs, besides those already
 * located.
 */
export function sessionMembers(dialect: Dialect): ReadonlySet<string> {
  let members = known.get(dialect);
  if (!members) {
    members = new Set([...dialect.said.tops, ...instructions, ...turns]);
    known.set(dialect, members);
  }
  return members;
}

/** The session named by a request; null: none. */
export function sessionIn(request: ModelRequest): string | null {
  for (const name of sessionIds) {
    const session = textIn(request, name);
    if (session) return session;
  }
  return null;
}

/**
 * A digest of the beginning of a prompt: the system prompt, and everything up to the end of the
 * user's first turn, which stays the same while a conversation grows. Null: there is none.
 */
export function promptPrefix({ body, spans }: ModelRequest): string | null {
  const parts: Buffer[] = [];
  for (const name of instructions) {
    const value = bytesOf(body, spans, name);
    if (value) parts.push(value.subarray(0, maxPrefixBytes));
  }
  for (const name of turns) {
    const value = bytesOf(body, spans, name);
    if (value) parts.push(firstTurns(value));
  }
  return parts.length === 0 ? null : hash('sha1', Buffer.concat(parts), 'base64');
}

function bytesOf(body: Buffer, spans: Spans, name: string): Buffer | null {
  const found = spans.get(name);
  const span = found?.[found.length - 1];
  return span ? body.subarray(span.start, span.end) : null;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** The turns of a list up to the user's first one; a text counts whole. */
function firstTurns(value: Buffer): Buffer {
  const bytes = value.subarray(0, maxPrefixBytes);
  if (bytes[0] !== OPEN_ARRAY) return bytes;
  let depth = 0;
  let start = 0;
  for (let at = 1; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) at = endOfString(bytes, at);
    else if (byte === OPEN_OBJECT && depth++ === 0) start = at;
    else if (byte === CLOSE_OBJECT && --depth === 0) {
      if (isOfUser(bytes.subarray(start, at))) return bytes.subarray(0, at + 1);
    }
  }
  return bytes;
}

/** Place of the closing quote, or the end. */
function endOfString(bytes: Buffer, open: number): number {
  for (let at = open + 1; at < bytes.length; at++) {
    if (bytes[at] === BACKSLASH) at++;
    else if (bytes[at] === QUOTE) return at;
  }
  return bytes.length;
}

/** Gemini's turns may lack a role: then they are the user's. */
function isOfUser(turn: Buffer): boolean {
  const [, role] = /"role"\s*:\s*"(\w+)"/.exec(turn.toString('latin1')) ?? [];
  return role === undefined || role === 'user';
}
