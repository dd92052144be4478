/** Something about the database that an operator can put right. One line, no secret. */
export class DatabaseError extends Error {
  override readonly name: string = 'DatabaseError';
}
