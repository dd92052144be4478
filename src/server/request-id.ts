import { randomDigits } from './random-digits.js';

/** The digit that holds the two bits of the variant. */
const variants = '89ab';

let latestMs = 0;
let timePart = '';

/**
 * A request's id: the client's where it can be passed on safely, else a new UUID of version 7
 * (RFC 9562), so that ids of one time lie together in the index of requests.
 */
export function requestIdOf(sent: string): string {
  return /^[\x21-\x7e]{1,128}$/.test(sent) ? sent : newId(Date.now());
}

function newId(ms: number): string {
  if (ms !== latestMs) {
    latestMs = ms;
    const digits = ms.toString(16).padStart(12, '0');
    timePart = `${digits.slice(0, 8)}-${digits.slice(8)}-7`;
  }
  const digits = randomDigits(19);
  const variant = variants[Number.parseInt(digits[3] as string, 16) % variants.length];
  return `${timePart}${digits.slice(0, 3)}-${variant}${digits.slice(4, 7)}-${digits.slice(7)}`;
}
