import { isIPv4, isIPv6, type Socket } from 'node:net';

/** Maximum header of version 1, including its line end. */
const maxTextBytes = 107;
/** Maximum header accepted of version 2, including extensions. */
const maxBinaryBytes = 4 * 1024;

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const prefixBytes = signature.length + 4;
/** Bytes of both addresses and ports, by family: IPv4, IPv6. */
const addressBytes: Readonly<Record<number, number>> = { 1: 12, 2: 36 };
const textStart = Buffer.from('PROXY ');

/** The content of a PROXY header. */
export interface ProxyHeader {
  /** The client's IP address; empty for the proxy's own connections, such as health checks. */
  address: string;
  /** Bytes of the header. */
  length: number;
}

/**
 * Reads the header of the PROXY protocol, version 1 or 2, at the start of a connection
 * (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt).
 * @returns null when the header is incomplete.
 * @throws Error when the bytes are not such a header.
 */
function readProxyHeader(bytes: Buffer): ProxyHeader | null {
  if (startsLike(bytes, signature)) return readBinary(bytes);
  if (startsLike(bytes, textStart)) return readText(bytes);
  throw new Error('the connection does not begin with a PROXY header');
}

/** True where the bytes begin with `start`, or are a prefix of it. */
function startsLike(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.compare(start, 0, length, 0, length) === 0;
}

function readText(bytes: Buffer): ProxyHeader | null {
  const end = bytes.subarray(0, maxTextBytes).indexOf('\r\n');
  if (end < 0) {
    if (bytes.length >= maxTextBytes) throw new Error('the PROXY header is too long');
    return null;
  }
  const length = end + 2;
  const [, protocol = '', source = '', ...rest] = bytes.toString('latin1', 0, end).split(' ');
  if (protocol === 'UNKNOWN') return { address: '', length };
  const isValid = protocol === 'TCP4' ? isIPv4(source) : protocol === 'TCP6' && isIPv6(source);
  if (!isValid || rest.length !== 3) throw new Error('the PROXY header is not valid');
  return { address: source, length };
}

function readBinary(bytes: Buffer): ProxyHeader | null {
  if (bytes.length < prefixBytes) return null;
  const command = bytes[12] as number;
  const family = (bytes[13] as number) >> 4;
  const bodyBytes = bytes.readUInt16BE(14);
  if (command !== 0x20 && command !== 0x21) throw new Error('the PROXY header is not valid');
  if (bodyBytes > maxBinaryBytes) throw new Error('the PROXY header is too long');
  const length = prefixBytes + bodyBytes;
  if (bytes.length < length) return null;
  // LOCAL: the proxy's own connection.
  if (command === 0x20) return { address: '', length };
  const body = bytes.subarray(prefixBytes, length);
  if (bodyBytes < (addressBytes[family] ?? 0)) throw new Error('the PROXY header is cut short');
  if (family === 1) return { address: body.subarray(0, 4).join('.'), length };
  if (family === 2) return { address: ipv6Text(body.subarray(0, 16)), length };
  return { address: '', length };
}

/** The short form (RFC 5952), and mapped IPv4 as IPv4. */
export function ipv6Text(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  const isMapped = groups.slice(0, 5).every((group) => group === '0') && groups[5] === 'ffff';
  if (isMapped) return bytes.subarray(12).join('.');
  // The URL parser writes the short form.
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

/**
 * Reads the header from a new connection, pauses the connection, and reports the client's address.
 * Closes a connection without a header, or one that takes too long.
 */
export function takeProxyHeader(
  socket: Socket,
  timeoutMs: number,
  onAddress: (address: string) => void,
): void {
  let bytes: Buffer = Buffer.alloc(0);
  const destroy = () => socket.destroy();
  const onData = (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    try {
      const header = readProxyHeader(bytes);
      if (header === null) return;
      socket.off('data', onData).off('timeout', destroy).off('end', destroy).off('error', destroy);
      socket.setTimeout(0);
      socket.pause();
      if (bytes.length > header.length) socket.unshift(bytes.subarray(header.length));
      onAddress(header.address);
    } catch {
      socket.destroy();
    }
  };
  socket.setTimeout(timeoutMs);
  socket.on('data', onData).on('timeout', destroy).on('end', destroy).on('error', destroy);
}
