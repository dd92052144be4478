/** A field of a protobuf message: its number, and where its content is. */
export interface Field {
  number: number;
  /** Offset of the tag. */
  start: number;
  from: number;
  end: number;
}

/** The fields of a well-formed message that stands from `at` to `end`. */
export function* fieldsOf(bytes: Uint8Array, at: number, end: number): Generator<Field> {
  let next = at;
  const varint = () => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[next++] as number;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  };
  while (next < end) {
    const start = next;
    const tag = varint();
    const kind = tag & 7;
    const length = kind === 2 ? varint() : kind === 1 ? 8 : kind === 5 ? 4 : null;
    const from = next;
    if (length === null) varint();
    else next += length;
    yield { number: tag >>> 3, start, from, end: next };
  }
}

/** Bytes of a number as a varint. */
export function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length++;
  return length;
}

/** Writes a number that is not negative. @returns where it ends. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let next = at;
  let rest = value;
  while (rest >= 128) {
    bytes[next++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  bytes[next++] = rest;
  return next;
}
