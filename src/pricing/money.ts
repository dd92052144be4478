/** Money is whole nano-dollars everywhere; only people and headers see dollars. */
export const nanoPerDollar = 1_000_000_000;

const decimal = /^(\d{1,6})(?:\.(\d{1,9})0*)?$/;

/**
 * Parses dollars, such as `2.50` or `$0.0375`.
 * @returns nano-dollars; null for anything else, or more than nine decimals.
 */
export function parseDollars(text: string): number | null {
  const [, whole, fraction = ''] = decimal.exec(text.trim().replace(/^\$/, '')) ?? [];
  if (whole === undefined) return null;
  return Number(whole) * nanoPerDollar + Number(fraction.padEnd(9, '0'));
}

/**
 * Formats dollars exactly and without an exponent, such as `0.0000375`.
 * @param nano may be negative.
 */
export function formatDollars(nano: number): string {
  const digits = String(Math.abs(nano)).padStart(10, '0');
  const fraction = digits.slice(-9).replace(/0+$/, '');
  const sign = nano < 0 ? '-' : '';
  return `${sign}${digits.slice(0, -9)}${fraction === '' ? '' : `.${fraction}`}`;
}

/** For people: at least cents, and four significant digits, such as `$12.35` or `$0.001234`. */
export function shownDollars(nano: number): string {
  const dollars = Math.abs(nano) / nanoPerDollar;
  const sign = nano < 0 ? '-' : '';
  if (dollars === 0 || dollars >= 1) return `${sign}$${dollars.toFixed(2)}`;
  const decimals = Math.min(9, Math.max(2, 4 - Math.ceil(Math.log10(dollars))));
  return `${sign}$${dollars.toFixed(decimals)}`;
}

/**
 * `count · rate / per`, rounded half up; exact even if the product exceeds a number's precision.
 */
export function charge(count: number, rate: number, per: number): number {
  const product = count * rate;
  if (product <= Number.MAX_SAFE_INTEGER) {
    const rest = product % per;
    return (product - rest) / per + (rest * 2 >= per ? 1 : 0);
  }
  const exact = BigInt(count) * BigInt(rate) * 2n + BigInt(per);
  return Number(exact / (BigInt(per) * 2n));
}
