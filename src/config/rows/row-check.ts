/** A check of the content of a row whose shape is right. */
export interface RowCheck<Row> {
  /** The fields that it reads. A document may give only some fields of a row. */
  readonly of: readonly (keyof Row & string)[];
  /** True where rows that were stored before there was this check go on working. */
  readonly isForWritesOnly?: boolean;
  problems(row: Row): [path: string, reason: string][];
}
