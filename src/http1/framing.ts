import type { Fields } from './fields.js';
import { ProtocolError } from './protocol-error.js';

/** The end of a body: after this many bytes, or one of the following. */
export type Framing = number;
/** After its last chunk. */
export const chunked = -1;
/** At the end of the connection: responses only. */
export const untilClose = -2;

/** Properties of the connection and the body, as given by the fields of a head. */
export interface ConnectionFields {
  /** Length of the body, `chunked`, or null where neither is given. */
  length: Framing | null;
  close: boolean;
  keepAlive: boolean;
  /** The protocol of `Upgrade`, where `Connection` names that field; else empty. */
  upgrade: string;
}

/**
 * Reads `Content-Length`, `Transfer-Encoding`, `Connection` and `Upgrade`.
 * @throws ProtocolError where two readers could see the end of the body in two places (RFC 9112,
 *   section 6.3): both lengths, one of them twice, another coding than `chunked`.
 */
export function connectionFields(fields: Fields, isVersion10: boolean): ConnectionFields {
  let length: number | null = null;
  let isChunked = false;
  let close = false;
  let keepAlive = false;
  let namesUpgrade = false;
  let upgrade = '';
  const { count } = fields;
  for (let i = 0; i < count; i++) {
    switch (fields.nameLength(i)) {
      case 7:
        if (fields.isNamed(i, 'upgrade')) upgrade = fields.value(i);
        break;
      case 10:
        if (!fields.isNamed(i, 'connection')) break;
        for (const option of optionsOf(fields.value(i))) {
          if (option === 'close') close = true;
          else if (option === 'keep-alive') keepAlive = true;
          else if (option === 'upgrade') namesUpgrade = true;
        }
        break;
      case 14:
        if (!fields.isNamed(i, 'content-length')) break;
        if (length !== null) throw new ProtocolError('content-length is sent twice');
        if (fields.endsWithTab(i)) throw new ProtocolError('content-length is not a number');
        length = lengthOf(fields.value(i));
        break;
      case 17:
        if (!fields.isNamed(i, 'transfer-encoding')) break;
        if (isChunked) throw new ProtocolError('transfer-encoding is sent twice');
        // RFC 9110 allows a tab after it, node:http refuses one: readers differ.
        if (fields.endsWithTab(i) || fields.value(i).toLowerCase() !== 'chunked') {
          throw new ProtocolError('transfer-encoding is not chunked');
        }
        isChunked = true;
        break;
    }
  }
  if (isChunked && length !== null) {
    throw new ProtocolError('content-length is sent with transfer-encoding');
  }
  if (isChunked && isVersion10) {
    throw new ProtocolError('transfer-encoding is sent with HTTP/1.0');
  }
  return {
    length: isChunked ? chunked : length,
    close,
    keepAlive,
    upgrade: namesUpgrade ? upgrade : '',
  };
}

/** The options of a `Connection` field, in lower case. */
function optionsOf(value: string): readonly string[] {
  if (value === 'keep-alive') return onlyKeepAlive;
  return value
    .toLowerCase()
    .split(',')
    .map((option) => option.trim());
}

const onlyKeepAlive = ['keep-alive'] as const;

/** At most 15 digits, so that the number is exact. */
function lengthOf(value: string): number {
  const { length } = value;
  let number = 0;
  for (let i = 0; i < length; i++) {
    const digit = value.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) throw new ProtocolError('content-length is not a number');
    number = number * 10 + digit;
  }
  if (length === 0) throw new ProtocolError('content-length is not a number');
  if (length > 15) throw new ProtocolError('content-length is too large');
  return number;
}
