import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { timeZone } from '../lib/format.js';
import { t } from '../lib/words.js';

export interface Column<Row> {
  title: string;
  value: (row: Row) => ComponentChildren;
  isNumber?: boolean;
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
  /** Below the rows, such as a total; one cell a column. */
  total?: readonly ComponentChildren[];
}

/** Rows drawn at once: thousands would make the page slow. */
const partRows = 200;

/**
 * The one table. Long ones are drawn in parts. A table that is wider than the page scrolls sideways
 * in a box of its own.
 */
export function Table<Row>({ label, columns, rows, keyOf, total }: TableProps<Row>) {
  const [most, setMost] = useState(partRows);
  const kind = ({ isNumber }: Column<Row>) => (isNumber ? 'number' : '');
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
      {/* biome-ignore lint/a11y/useSemanticElements: a section would be listed beside its panel */}
      <div class="scroll" tabIndex={0} role="region" aria-label={label}>
        <table>
          <thead>
            <tr>
              {columns.map((column) => (
                <th key={column.title} scope="col" class={kind(column)}>
                  {column.title || <span class="hidden-text">{label}</span>}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, most).map((row) => (
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

interface CutProps {
  text: string;
  /** For what is read, rather than recognized. */
  isWide?: boolean;
  children?: ComponentChildren;
}

/** A text that may be cut to fit its cell; hovering shows all of it. */
export function Cut({ text, isWide = false, children }: CutProps) {
  return (
    <span class={isWide ? 'cut wide' : 'cut'} title={text}>
      {children ?? text}
    </span>
  );
}
