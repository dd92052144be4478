import { ClientError } from './client-error.js';

const notInName = /[^!#$%&'*+\-.^_`|~0-9A-Za-z]/;
const notInValue = /[^\t\x20-\x7e\x80-\xff]/;
const notInPath = /[^\x21-\x7e]/;

/**
 * The head of a request, one character per byte.
 * @param host the value of `Host`.
 * @param bodyBytes null where there is no body, `chunked` where its length is not known.
 * @throws ClientError `ERR_INVALID_REQUEST` for what would split or forge a head.
 */
export function requestHead(
  method: string,
  path: string,
  host: string,
  headers: readonly string[],
  bodyBytes: number | 'chunked' | null,
): string {
  if (notInPath.test(path)) throw invalid('its path is not valid');
  let head = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n`;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    if (name === '' || notInName.test(name)) throw invalid('the name of a header is not valid');
    if (notInValue.test(value)) throw invalid(`the header ${name} is not valid`);
    head += `${name}: ${value}\r\n`;
  }
  if (bodyBytes === null) return `${head}\r\n`;
  if (bodyBytes === 'chunked') return `${head}transfer-encoding: chunked\r\n\r\n`;
  return `${head}content-length: ${bodyBytes}\r\n\r\n`;
}

function invalid(message: string): ClientError {
  return new ClientError('ERR_INVALID_REQUEST', message);
}
