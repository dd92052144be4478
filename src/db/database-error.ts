/** A database problem that an operator can fix. One line, without secrets. */
export class DatabaseError extends Error {
  override readonly name: string = 'DatabaseError';
}
