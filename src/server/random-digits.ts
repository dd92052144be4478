import { randomBytes } from 'node:crypto';

let digits = '';
let at = 0;

/** Random hex digits. They are generated in bulk: a call for each id would cost half a microsecond. */
export function randomDigits(count: number): string {
  if (at + count > digits.length) {
    digits = randomBytes(2_048).toString('hex');
    at = 0;
  }
  at += count;
  return digits.slice(at - count, at);
}
