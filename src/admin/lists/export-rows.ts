import {
  type ExportColumn,
  type ExportedRow,
  exportColumns,
} from '../../db/queries/requests/export-requests.js';
import { GatewayError } from '../../errors.js';
import { csvLines } from '../../observe/csv.js';

export const exportFormats = ['csv', 'ndjson', 'parquet'] as const;
export type ExportFormat = (typeof exportFormats)[number];

export const exportTypes: Readonly<Record<ExportFormat, string>> = {
  csv: 'text/csv; charset=utf-8',
  ndjson: 'application/x-ndjson',
  parquet: 'application/vnd.apache.parquet',
};

type Pages = AsyncIterable<readonly ExportedRow[]>;

/** Rows of a group in a Parquet file: each group has a part in the file's footer, which stays in memory. */
const parquetGroupRows = 10_000;

/**
 * Writes rows in a format, a piece for each page, or of Parquet for each group of rows: no more is
 * in memory.
 */
export function encodeRows(
  format: ExportFormat,
  pages: Pages,
  groupRows = parquetGroupRows,
): AsyncGenerator<string | Uint8Array> {
  switch (format) {
    case 'csv':
      return csvOf(pages);
    case 'ndjson':
      return ndjsonOf(pages);
    case 'parquet':
      return parquetOf(pages, groupRows);
  }
}

async function* csvOf(pages: Pages): AsyncGenerator<string> {
  yield csvLines([exportColumns.map(({ name }) => name)]);
  for await (const rows of pages) yield csvLines(rows.map(valuesOf));
}

function valuesOf(row: ExportedRow): unknown[] {
  return exportColumns.map(({ name, type }) => {
    const value = row[name];
    return type === 'json' && value !== null ? JSON.stringify(value) : value;
  });
}

/** Rows as lines of JSON. */
export function linesOf(rows: readonly ExportedRow[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}

async function* ndjsonOf(pages: Pages): AsyncGenerator<string> {
  for await (const rows of pages) yield linesOf(rows);
}

async function* parquetOf(pages: Pages, groupRows: number): AsyncGenerator<Uint8Array> {
  const { ByteWriter, ParquetWriter, schemaFromColumnData } = await parquetPackage();
  const writer = new ByteWriter();
  let columns = exportColumns.map(emptyColumn);
  const parquet = new ParquetWriter({
    writer,
    schema: schemaFromColumnData({ columnData: columns }),
  });
  /** Bytes written since the last call; offsets in the file continue. */
  const taken = () => {
    const bytes = writer.getBytes().slice();
    writer.index = 0;
    return bytes;
  };
  const writeGroup = async () => {
    await parquet.write({ columnData: columns, rowGroupSize: groupRows });
    columns = exportColumns.map(emptyColumn);
    return taken();
  };
  let waiting = 0;
  for await (const rows of pages) {
    for (const [index, column] of exportColumns.entries()) {
      for (const row of rows) columns[index]?.data.push(parquetValue(column, row));
    }
    waiting += rows.length;
    if (waiting < groupRows) continue;
    yield await writeGroup();
    waiting = 0;
  }
  if (waiting > 0) yield await writeGroup();
  await parquet.finish();
  yield taken();
}

/** Few users need it, so it is not a dependency: those who need it install it. */
async function parquetPackage() {
  try {
    return await import('hyparquet-writer');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const message =
      'Parquet needs a package that is not installed: npm install hyparquet-writer@0.17';
    throw new GatewayError('unavailable', message);
  }
}

const parquetTypes = {
  text: 'STRING',
  integer: 'INT64',
  number: 'DOUBLE',
  boolean: 'BOOLEAN',
  time: 'TIMESTAMP',
  json: 'JSON',
} as const;

function emptyColumn({ name, type, nullable }: ExportColumn) {
  const data: unknown[] = [];
  // Places of pages are kept in memory to the end of the file, for readers that skip some.
  return { name, data, type: parquetTypes[type], nullable, offsetIndex: false };
}

function parquetValue({ name, type }: ExportColumn, row: ExportedRow): unknown {
  const value = row[name];
  return type === 'integer' && value !== null ? BigInt(Number(value)) : value;
}
