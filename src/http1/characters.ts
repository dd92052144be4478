/**
 * Classes of bytes (RFC 9110 section 5.6.2, RFC 9112): entry `b` is 1 where byte `b` belongs to the
 * class. Everything that is not in a class is refused, so control characters never pass.
 */

/** `tchar`: methods and names of fields. */
export const tokenBytes = classOf("!#$%&'*+-.^_`|~", [0x30, 0x39], [0x41, 0x5a], [0x61, 0x7a]);

/** `field-vchar`, space and tab: values of fields, reason phrases, chunk extensions. */
export const valueBytes = classOf('\t', [0x20, 0x7e], [0x80, 0xff]);

/** Visible ASCII except `#`: a request target never contains a fragment. */
export const targetBytes = classOf('', [0x21, 0x22], [0x24, 0x7e]);

/** `uri-host [ ":" port ]`, as a `Host` field holds it. */
export const hostBytes = classOf("-._~!$&'()*+,;=:[]%", [0x30, 0x39], [0x41, 0x5a], [0x61, 0x7a]);

/** The value of a hexadecimal digit, and 255 for every other byte. */
export const hexValues = new Uint8Array(256).fill(255);
for (let value = 0; value < 16; value++) {
  const digit = value.toString(16);
  hexValues[digit.charCodeAt(0)] = value;
  hexValues[digit.toUpperCase().charCodeAt(0)] = value;
}

export const cr = 0x0d;
export const lf = 0x0a;
export const space = 0x20;
export const tab = 0x09;
export const colon = 0x3a;

function classOf(singles: string, ...ranges: readonly (readonly [number, number])[]): Uint8Array {
  const bytes = new Uint8Array(256);
  for (const single of singles) bytes[single.charCodeAt(0)] = 1;
  for (const [from, to] of ranges) bytes.fill(1, from, to + 1);
  return bytes;
}
