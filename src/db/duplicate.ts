/** A row with this value already exists. The value of a secret is never shown. */
export class DuplicateError extends Error {
  override readonly name = 'DuplicateError';

  constructor(
    readonly field: string,
    readonly value: string,
  ) {
    super(value ? `${field} "${value}" exists already` : `This ${field} exists already`);
  }
}

/** The error to rethrow for a failed write: a DuplicateError where `field` was not unique. */
export function orDuplicate(error: unknown, field: string, value: string): unknown {
  const isDuplicate = error instanceof Error && 'code' in error && error.code === '23505';
  return isDuplicate ? new DuplicateError(field, value) : error;
}
