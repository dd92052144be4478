import type { Socket } from 'node:net';
import type { HttpProxy } from '../../config/network/http-proxy.js';
import { ClientError } from './client-error.js';

const maxHeadBytes = 16_384;

/**
 * Asks a proxy to connect a socket to an address (RFC 9110, section 9.3.6). The socket emits
 * `tunnel` once connected, or is destroyed with the reason.
 */
export function openTunnel(
  socket: Socket,
  { host, port }: { host: string; port: number },
  proxy: HttpProxy,
): void {
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  let head = '';
  const fail = (problem: string) =>
    socket.destroy(new ClientError('ERR_PROXY', `the proxy ${proxy.name} ${problem}`));
  const onEnd = () => fail(`closes the connection to ${authority}`);
  const onData = (piece: Buffer) => {
    head += piece.toString('latin1');
    const end = head.indexOf('\r\n\r\n');
    if (end < 0 && head.length <= maxHeadBytes) return;
    socket.off('data', onData).off('end', onEnd).pause();
    const problem = end < 0 ? 'sends no HTTP' : problemOf(head, end + 4, authority);
    if (problem === null) socket.emit('tunnel');
    else fail(problem);
  };
  socket.on('data', onData).on('end', onEnd);
  const { authorization } = proxy;
  const credentials = authorization === null ? '' : `proxy-authorization: ${authorization}\r\n`;
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\n${credentials}\r\n`);
}

/** The error of a socket that does not reach, or get through, a proxy; names the proxy. */
export function proxyUnreachable(proxy: HttpProxy, error: Error): Error {
  if (error instanceof ClientError && error.code === 'ERR_PROXY') return error;
  const code = 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : '';
  return new ClientError('ERR_PROXY', `the proxy ${proxy.name} cannot be reached${code}`, error);
}

/** The error of a proxy that refuses the user and password. */
export function proxyRefuses(proxy: HttpProxy): Error {
  return new ClientError('ERR_PROXY', `the proxy ${proxy.name} ${refusal(407)}`);
}

function problemOf(head: string, end: number, authority: string): string | null {
  const [, status] = /^HTTP\/1\.[01] (\d{3})(?=[ \r])/.exec(head) ?? [];
  if (status === undefined) return 'sends no HTTP';
  if (!status.startsWith('2')) return `${refusal(Number(status))} for ${authority}`;
  // No tunnelled protocol lets the server speak first.
  return head.length === end ? null : 'sends more than its answer';
}

function refusal(status: number): string {
  return status === 407 ? 'wants another user or password (407)' : `answers ${status}`;
}
