const starts = [':', 'data:', 'event:', 'id:', 'retry:'];
const longest = 6;

/**
 * True if a body with this beginning is a stream of events; null while undecided. Providers use
 * other types for their streams, and send JSON under the type of a stream.
 */
export function beginsStream(beginning: Buffer): boolean | null {
  const from = startOf(beginning);
  const text = beginning.toString('latin1', from, from + longest);
  if (starts.some((start) => text.startsWith(start))) return true;
  return starts.some((start) => start.startsWith(text)) ? null : false;
}

/** True if there is nothing but white space: a sign of life before JSON. */
export function isBlank(bytes: Buffer): boolean {
  return bytes.every(isSpace);
}

/** The place of the first byte after a byte order mark and white space. */
export function startOf(body: Buffer): number {
  let at = body[0] === 0xef ? 3 : 0;
  while (isSpace(body[at])) at++;
  return at;
}

export function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
