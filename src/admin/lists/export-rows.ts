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

/** Writes rows in a format, a piece for each page: no more than a page is in memory. */
export function encodeRows(
  format: ExportFormat,
  pages: Pages,
): AsyncGenerator<string | Uint8Array> {
  switch (format) {
    case 'csv':
      return csvOf(pages);
    case 'ndjson':
      return ndjsonOf(pages);
    case 'parquet':
      return parquetOf(pages);
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

async function* parquetOf(pages: Pages): AsyncGenerator<Uint8Array> {
  const { ByteWriter, ParquetWriter, schemaFromColumnData } = await parquetPackage();
  const writer = new ByteWriter();
  const schema = schemaFromColumnData({
    columnData: exportColumns.map((each) => dataOf(each, [])),
  });
  const parquet = new ParquetWriter({ writer, schema });
  /** Bytes written since the last call; offsets in the file continue. */
  const taken = () => {
    const bytes = writer.getBytes().slice();
    writer.index = 0;
    return bytes;
  };
  for await (const rows of pages) {
    await parquet.write({
      columnData: exportColumns.map((each) => dataOf(each, rows)),
      rowGroupSize: Math.max(1, rows.length),
    });
    yield taken();
  }
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

function dataOf({ name, type, nullable }: ExportColumn, rows: readonly ExportedRow[]) {
  const data = rows.map((row) => {
    const value = row[name];
    return type === 'integer' && value !== null ? BigInt(Number(value)) : value;
  });
  return { name, data, type: parquetTypes[type], nullable };
}
