/** The bytes of an answer's body, for reading its usage. */
export interface AnswerBytes {
  head(bytes: number): Buffer;
  tail(bytes: number): Buffer;
  /** The kept part of it, with the last `usage` object of the rest. */
  whole(): Buffer;
}

/** Usage is looked for in the last bytes of an answer, and in the first ones, before all others. */
export const endBytes = 16_384;

/** A larger object is no usage. */
export const maxUsageBytes = 4_096;
/** So that an answer made of broken objects costs little. */
const maxTried = 64;

const usageMark = '"usage"';
const OPEN = 0x7b;
const CLOSE = 0x7d;
const COLON = 0x3a;

/** The usage that an answer reports last, wherever it is in it. */
export function usageIn<T>(
  answer: AnswerBytes,
  read: (usage: unknown) => T | null,
  mark = usageMark,
): T | null {
  return lastUsage(answer.tail(endBytes), read, mark) ?? lastUsage(answer.whole(), read, mark);
}

/**
 * The last `usage` object of JSON or SSE that `read` takes; null when there is none. Text of a model
 * is in JSON strings, where a quote is escaped, so it cannot be taken for one.
 */
export function lastUsage<T>(
  bytes: Buffer,
  read: (usage: unknown) => T | null,
  mark = usageMark,
): T | null {
  return lastUsageAt(bytes, read, mark)?.usage ?? null;
}

/** A usage among bytes, and the place of the brace that ends it. */
export interface UsagePlace<T> {
  usage: T;
  endsAt: number;
}

/** The same, with its place. */
export function lastUsageAt<T>(
  bytes: Buffer,
  read: (usage: unknown) => T | null,
  mark = usageMark,
): UsagePlace<T> | null {
  let tried = 0;
  for (let from = bytes.length; from >= 0 && tried < maxTried; ) {
    const at = bytes.lastIndexOf(mark, from);
    if (at < 0) return null;
    const object = objectAt(bytes, at + mark.length);
    const usage = object && parsed(object, read);
    if (usage) {
      return { usage, endsAt: object.byteOffset - bytes.byteOffset + object.length - 1 };
    }
    if (object) tried++;
    from = at - 1;
  }
  return null;
}

/** The first one after a place. */
export function firstUsage<T>(
  bytes: Buffer,
  from: number,
  read: (usage: unknown) => T | null,
): T | null {
  const at = bytes.indexOf(usageMark, from);
  const object = at < 0 ? null : objectAt(bytes, at + usageMark.length);
  return object && parsed(object, read);
}

/** The last `"usage": {…}` as it is written; null when there is none. */
export function lastUsageText(bytes: Buffer): Buffer | null {
  for (let from = bytes.length; from >= 0; ) {
    const at = bytes.lastIndexOf(usageMark, from);
    if (at < 0) return null;
    const object = objectAt(bytes, at + usageMark.length);
    if (object?.length)
      return bytes.subarray(at, object.byteOffset - bytes.byteOffset + object.length);
    from = at - 1;
  }
  return null;
}

/**
 * The object after a colon at this place, which holds no braces in strings; null where there is
 * none, empty where it does not end.
 */
function objectAt(bytes: Buffer, from: number): Buffer | null {
  const colon = afterSpace(bytes, from);
  if (bytes[colon] !== COLON) return null;
  const open = afterSpace(bytes, colon + 1);
  if (bytes[open] !== OPEN) return null;
  const end = Math.min(bytes.length, open + maxUsageBytes);
  let depth = 0;
  for (let i = open; i < end; i++) {
    if (bytes[i] === OPEN) depth++;
    else if (bytes[i] === CLOSE && --depth === 0) return bytes.subarray(open, i + 1);
  }
  return bytes.subarray(open, open);
}

function afterSpace(bytes: Buffer, from: number): number {
  let at = from;
  while (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09) at++;
  return at;
}

function parsed<T>(object: Buffer, read: (usage: unknown) => T | null): T | null {
  try {
    return read(JSON.parse(object.toString('utf8')));
  } catch {
    return null;
  }
}
