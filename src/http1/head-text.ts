import { STATUS_CODES } from 'node:http';

/** True if a response to this method with this status carries a body (RFC 9110, 6.4.1). */
export function carriesBody(method: string, status: number): boolean {
  return method !== 'HEAD' && status >= 200 && status !== 204 && status !== 304;
}

/**
 * A status line without its version, and the header lines, joined by CRLF: `200 OK\r\nname: value`.
 * @param headers flat list `[name, value, …]`; names are trusted, values are not.
 */
export function headText(status: number, headers: readonly string[]): string {
  let text = statusLines[status] ?? `${status} Unknown`;
  for (let i = 0; i < headers.length; i += 2) {
    text += `\r\n${headers[i]}: ${fieldValue(headers[i + 1] ?? '')}`;
  }
  return text;
}

/** A `Date` field line without its end, made once a second. */
export function dateLine(): string {
  const second = Math.floor(Date.now() / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = `date: ${new Date(second * 1000).toUTCString()}`;
  }
  return dateText;
}

let dateSecond = 0;
let dateText = '';

/** A field value that cannot end its line: characters that RFC 9110 (5.5) forbids become spaces. */
export function fieldValue(value: string): string {
  return notFieldValue.test(value) ? value.replace(everyNotFieldValue, ' ') : value;
}

const notFieldValue = /[^\t\x20-\x7e\x80-\xff]/;
const everyNotFieldValue = new RegExp(notFieldValue, 'g');

const statusLines: string[] = [];
for (const [status, text] of Object.entries(STATUS_CODES)) {
  statusLines[Number(status)] = `${status} ${text}`;
}
