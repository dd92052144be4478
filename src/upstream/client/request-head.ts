import { ClientError } from './client-error.js';

const notInName = /[^!#$%&'*+\-.^_`|~0-9A-Za-z]/;
const notInValue = /[^\t\x20-\x7e\x80-\xff]/;
const notInPath = /[^\x21-\x7e]/;
const keptAlive = 'connection: keep-alive';

/**
 * The head of a request, one character per byte.
 * @param fixed the fields common to all requests of the pool, see `fixedFields`.
 * @param upgrade the protocol to switch to; null: none.
 * @param bodyBytes null without a body, `chunked` for an unknown length.
 * @throws ClientError `ERR_INVALID_REQUEST` for anything that would split or forge a head.
 */
export function requestHead(
  method: string,
  path: string,
  fixed: string,
  headers: readonly string[],
  bodyBytes: number | 'chunked' | null,
  upgrade: string | null = null,
): string {
  checkPath(path);
  const first =
    upgrade === null
      ? fixed
      : fixed.replace(keptAlive, `connection: upgrade\r\nupgrade: ${upgrade}`);
  let head = `${method} ${path} HTTP/1.1\r\n${first}`;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    checkHeader(name, value);
    head += `${name}: ${value}\r\n`;
  }
  if (bodyBytes === null) return `${head}\r\n`;
  if (bodyBytes === 'chunked') return `${head}transfer-encoding: chunked\r\n\r\n`;
  return `${head}content-length: ${bodyBytes}\r\n\r\n`;
}

/** @throws ClientError `ERR_INVALID_REQUEST` */
export function checkPath(path: string): void {
  if (notInPath.test(path)) throw invalid('its path is not valid');
}

/** @throws ClientError `ERR_INVALID_REQUEST` */
export function checkHeader(name: string, value: string): void {
  if (name === '' || notInName.test(name)) throw invalid('the name of a header is not valid');
  if (notInValue.test(value)) throw invalid(`the header ${name} is not valid`);
}

/**
 * Fields common to all requests of a pool.
 * @param host the value of `Host`.
 * @param authorization for the proxy that requests go to; null: none.
 */
export function fixedFields(host: string, authorization: string | null): string {
  const fields = `host: ${host}\r\n${keptAlive}\r\n`;
  return authorization === null ? fields : `${fields}proxy-authorization: ${authorization}\r\n`;
}

function invalid(message: string): ClientError {
  return new ClientError('ERR_INVALID_REQUEST', message);
}
