/**
 * Rows as CSV (RFC 4180) under a header line; dates in ISO 8601, null as an empty field.
 * @param rows values in the order of `columns`.
 */
export function csv(columns: readonly string[], rows: readonly (readonly unknown[])[]): string {
  return csvLines([columns, ...rows]);
}

/** Rows as lines of CSV, without a header. */
export function csvLines(rows: readonly (readonly unknown[])[]): string {
  return rows.map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const isDeep = Array.isArray(value) && value.some((each) => each instanceof Object);
  const plain = isDeep ? JSON.stringify(value) : String(value);
  const text = value instanceof Date ? value.toISOString() : plain;
  // Spreadsheets run such text as a formula, and clients choose model names.
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
