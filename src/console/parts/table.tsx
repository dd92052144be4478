import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { timeZone } from '../lib/format.js';
import { route, setQuery } from '../lib/route.js';
import { nextOrder, type Sortable, sorted } from '../lib/sort.js';
import { t } from '../lib/words.js';

export interface Column<Row> {
  title: string;
  value: (row: Row) => ComponentChildren;
  isNumber?: boolean;
  /** Its name in the address's order; absent: rows are not sorted by it. */
  sort?: string;
  /** Value that rows are sorted by here; absent: the server sorts. */
  by?: (row: Row) => Sortable;
}

/** A column of a field of numbers, that sorts rows here. */
export function numbers<Field extends string, Value extends Sortable>(
  title: string,
  field: Field,
  format: (value: Value) => ComponentChildren,
): Column<Record<Field, Value>> {
  const by = (row: Record<Field, Value>) => row[field];
  return { title, isNumber: true, value: (row) => format(by(row)), sort: field, by };
}

/** Heading of a column of times: they are those of the viewer's zone. */
export function timeTitle(title: string): string {
  return `${title}, ${timeZone().offset}`;
}

interface TableProps<Row> {
  /** Name of the rows, for screen readers. */
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string | number;
  /** Parameter of the address that has its order, where a page has several tables. */
  orderName?: string;
  /** The order without one in the address. */
  order?: string;
  /** Rows drawn at once. */
  partRows?: number;
  /** Below the rows, such as a total; one cell a column. */
  total?: readonly ComponentChildren[];
}

/**
 * The one table. Its columns sort it: the order is in the address. Long ones are drawn in parts, as
 * thousands of rows would make the page slow. A table that is wider than the page scrolls sideways in a
 * box of its own.
 */
export function Table<Row>(props: TableProps<Row>) {
  const { label, columns, rows, keyOf, total, orderName = 'sort', partRows = 200 } = props;
  const [most, setMost] = useState(partRows);
  const kind = ({ isNumber }: Column<Row>) => (isNumber ? 'number' : '');
  const order = route.value.query.get(orderName) ?? props.order ?? '';
  const isReverse = order.startsWith('-');
  const by = columns.find(({ sort }) => sort === order.replace(/^-/, ''))?.by;
  const ordered = by ? sorted(rows, by, isReverse) : rows;
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset groups what is typed */}
      <div class="scroll" tabIndex={0} role="group" aria-label={label}>
        <table>
          <thead>
            <tr>
              {columns.map((column) => (
                <Head
                  key={column.title}
                  column={column}
                  label={label}
                  order={order}
                  onOrder={(next) => setQuery({ [orderName]: next, from: '' })}
                />
              ))}
            </tr>
          </thead>
          <tbody>
            {ordered.slice(0, most).map((row) => (
              <tr key={keyOf(row)}>
                {columns.map((column) => (
                  <td key={column.title} class={kind(column)}>
                    {column.value(row)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
          {total && (
            <tfoot>
              <tr>
                {total.map((cell, index) => (
                  <td key={columns[index]?.title} class={columns[index]?.isNumber ? 'number' : ''}>
                    {cell}
                  </td>
                ))}
              </tr>
            </tfoot>
          )}
        </table>
      </div>
      {rows.length > most && (
        <div class="more">
          <button type="button" onClick={() => setMost(most + partRows)}>
            {t('Show more')}
          </button>
          <span class="muted small">
            {t('{from}–{to} of {all}', { from: 1, to: most, all: rows.length })}
          </span>
        </div>
      )}
    </>
  );
}

interface HeadProps<Row> {
  column: Column<Row>;
  /** Name of the rows: a column of buttons has no title. */
  label: string;
  order: string;
  onOrder: (order: string) => void;
}

/** The heading of a column, and the button that sorts by it. */
function Head<Row>({ column, label, order, onOrder }: HeadProps<Row>) {
  const { title, isNumber = false, sort } = column;
  const kind = isNumber ? 'number' : '';
  if (sort === undefined) {
    return (
      <th scope="col" class={kind}>
        {title || <span class="hidden-text">{label}</span>}
      </th>
    );
  }
  const state = order === sort ? 'ascending' : order === `-${sort}` ? 'descending' : 'none';
  return (
    <th scope="col" class={kind} aria-sort={state}>
      <button type="button" onClick={() => onOrder(nextOrder(order, sort, isNumber))}>
        {title}
      </button>
    </th>
  );
}

interface CutProps {
  text: string;
  /** For what is read, rather than recognized. */
  isWide?: boolean;
  children?: ComponentChildren;
}

/** A text that may be cut to fit its cell; hovering shows all of it. */
export function Cut({ text, isWide = false, children }: CutProps) {
  return (
    <span class="fit">
      <span class={isWide ? 'cut wide' : 'cut'} title={text}>
        {children ?? text}
      </span>
    </span>
  );
}
