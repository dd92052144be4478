import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import type { Orders } from '../../db/queries/ordered.js';
import type { Page } from '../../db/queries/rows.js';
import type { AdminAnswer, Parameter } from '../route.js';

/** Rows read and held at once; other work runs between two parts. */
const partRows = 1_000;
/** The same for sorted rows: each part sorts all of them. */
const sortedPartRows = 10_000;

/** Rows written before the event loop has a turn. */
const rowsInTurn = 500;

/** The query parameter that sorts a list. @param columns by which it may be sorted. */
export function sortParameter(columns: readonly string[], normal: string): Parameter {
  return {
    name: 'sort',
    in: 'query',
    description: `Column to sort by, after a \`-\` for the reverse; ${normal} if absent. Rows without a value are last.`,
    schema: { type: 'string', enum: columns.flatMap((column) => [column, `-${column}`]) },
  };
}

/** The query parameters that choose a part of a list. @param things that it lists. */
export function rangeParameters(things: string): Parameter[] {
  return [
    {
      name: 'limit',
      in: 'query',
      description: `Maximum number of ${things}; all by default.`,
      schema: { type: 'integer', minimum: 1, maximum: 1_000_000 },
    },
    {
      name: 'offset',
      in: 'query',
      description: `Number of ${things} to skip.`,
      schema: { type: 'integer', minimum: 0, maximum: 1_000_000_000, default: 0 },
    },
  ];
}

/** Query parameters of the lists. */
export function pageParameters(searched: string, orders: Orders): Parameter[] {
  return [
    sortParameter(Object.keys(orders), 'by id'),
    ...rangeParameters('rows'),
    {
      name: 'enabled',
      in: 'query',
      description: 'Only rows with this value of `is_enabled`.',
      schema: { type: 'boolean' },
    },
    {
      name: 'search',
      in: 'query',
      description: `Only rows whose \`${searched}\` contains this text, ignoring case.`,
      schema: { type: 'string', maxLength: 200 },
    },
    {
      name: searched,
      in: 'query',
      description: `Only rows with exactly this \`${searched}\`.`,
      schema: { type: 'string', maxLength: 200 },
    },
    {
      name: 'after',
      in: 'query',
      description: 'Only rows with a higher id.',
      schema: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
    },
  ];
}

/** The page requested by checked query parameters. */
export function pageOf(query: URLSearchParams, searched: string): Page {
  const enabled = query.get('enabled');
  const exact = query.get(searched);
  const sort = query.get('sort');
  return {
    limit: Number(query.get('limit') ?? Number.MAX_SAFE_INTEGER),
    offset: Number(query.get('offset') ?? 0),
    after: Number(query.get('after') ?? 0),
    search: query.get('search') ?? '',
    ...(sort !== null && { sort }),
    ...(exact !== null && { exact }),
    ...(enabled !== null && { enabled: enabled === 'true' }),
  };
}

/**
 * The answer with a version and a page of rows. A long one is read and sent part by part.
 * @param name of the rows in the answer.
 * @param read the rows of a page.
 * @param show a row as it is answered.
 */
export async function listAnswer<Row extends { id: number }>(
  { version, name, page }: { version: number; name: string; page: Page },
  read: (page: Page) => Promise<readonly Row[]>,
  show: (row: Row) => object,
): Promise<AdminAnswer> {
  let left = page.limit;
  const most = page.sort === undefined ? partRows : sortedPartRows;
  const readPart = async (from: Page) => {
    const asked = Math.min(left, most);
    const rows = await read({ ...from, limit: asked });
    left -= rows.length;
    return { rows, isLast: rows.length < asked || left === 0 };
  };
  const first = await readPart(page);
  if (first.isLast && first.rows.length <= rowsInTurn) {
    return { status: 200, body: { version, [name]: first.rows.map(show) } };
  }
  async function* text() {
    yield `{"version":${version},"${name}":[`;
    let { offset } = page;
    for (let part = first; ; ) {
      const last = part.rows.at(-1);
      for (let at = 0; at < part.rows.length; at += rowsInTurn) {
        const rows = part.rows.slice(at, at + rowsInTurn);
        yield `${at === 0 ? '' : ','}${rows.map((row) => JSON.stringify(show(row))).join(',')}`;
        await turn();
      }
      if (part.isLast || !last) break;
      offset += part.rows.length;
      part = await readPart(
        page.sort === undefined ? { ...page, offset: 0, after: last.id } : { ...page, offset },
      );
      if (part.rows.length > 0) yield ',';
    }
    yield ']}';
  }
  const headers = { 'content-type': 'application/json' };
  return { status: 200, headers, body: Readable.from(text()) };
}
