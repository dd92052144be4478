/** Tokens of one request. Cached tokens are part of the prompt, reasoning of the completion. */
export interface TokenUsage {
  promptTokens: number;
  completionTokens: number;
}

/** The beginning and the end of an answer's body, for reading its usage. */
export interface AnswerEnds {
  head(bytes: number): Buffer;
  tail(bytes: number): Buffer;
}

/** Usage is looked for in the last bytes of an answer, and in the first ones. */
export const endBytes = 16_384;

const mark = '"usage"';

/**
 * The last `usage` object of JSON or SSE that `read` takes; null when there is none. Text of a model
 * is in JSON strings, where a quote is escaped, so it cannot be taken for one.
 */
export function lastUsage<T>(bytes: Buffer, read: (usage: unknown) => T | null): T | null {
  for (let from = bytes.length; from >= 0; ) {
    const at = bytes.lastIndexOf(mark, from);
    if (at < 0) return null;
    const usage = usageAt(bytes, at, read);
    if (usage) return usage;
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
  const at = bytes.indexOf(mark, from);
  return at < 0 ? null : usageAt(bytes, at, read);
}

/** `"usage": {…}` at this place. The object holds no braces in strings. */
function usageAt<T>(bytes: Buffer, at: number, read: (usage: unknown) => T | null): T | null {
  const from = at + mark.length;
  const open = bytes.indexOf(0x7b, from);
  if (open < 0 || !/^\s*:\s*$/.test(bytes.toString('latin1', from, open))) return null;
  let depth = 0;
  for (let i = open; i < bytes.length; i++) {
    if (bytes[i] === 0x7b) depth++;
    else if (bytes[i] === 0x7d && --depth === 0) {
      try {
        return read(JSON.parse(bytes.toString('utf8', open, i + 1)));
      } catch {
        return null;
      }
    }
  }
  return null;
}
