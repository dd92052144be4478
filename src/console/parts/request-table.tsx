import type { RequestRow } from '../lib/answers.js';
import { clock, compact, dateTime, duration, money } from '../lib/format.js';
import { linkTo } from '../lib/route.js';
import { statusTone } from '../lib/states.js';
import { t } from '../lib/words.js';
import { State } from './state.js';
import { type Column, Cut, Table, timeTitle } from './table.js';

/** They were loaded page by page: all are drawn. */
const maxRows = 10_000;

interface RequestTableProps {
  rows: readonly RequestRow[];
  /** Shows only the time of day: all rows are recent. */
  isShort?: boolean;
  /** The server sorts by a column that is clicked. */
  isSortable?: boolean;
}

export function RequestTable({ rows, isShort = false, isSortable = false }: RequestTableProps) {
  const columns: Column<RequestRow>[] = [
    {
      title: timeTitle(t('Time')),
      value: ({ request_id, started_at }) => (
        <a href={linkTo('requests', request_id)}>
          {isShort ? clock(started_at) : dateTime(started_at).slice(5)}
        </a>
      ),
      sort: 'started_at',
    },
    {
      title: t('Status'),
      value: ({ status, error, complete }) => (
        <State tone={statusTone(status, error)}>
          {status} <Cut text={error ?? (complete ? '' : t('cut off'))} />
        </State>
      ),
      sort: 'status',
    },
    {
      title: t('Key'),
      value: (row) => <Cut text={row.credential_name} />,
      sort: 'credential_name',
    },
    { title: t('Model'), value: ({ model }) => <Cut text={model} />, sort: 'model' },
    {
      title: t('Provider'),
      value: ({ provider, attempts }) => (
        <>
          <Cut text={provider ?? '–'} />
          {attempts > 1 && (
            <div class="muted small">{t('attempt {count}', { count: attempts })}</div>
          )}
        </>
      ),
      sort: 'provider',
    },
    { title: t('Tokens'), isNumber: true, value: tokens, sort: 'total_tokens' },
    { title: t('Cost'), isNumber: true, value: (row) => cost(row.cost_nano), sort: 'cost_nano' },
    {
      title: t('Took'),
      isNumber: true,
      value: ({ duration_ms }) => duration(duration_ms),
      sort: 'duration_ms',
    },
    {
      title: t('First token'),
      isNumber: true,
      value: (row) => duration(row.first_token_ms),
      sort: 'first_token_ms',
    },
  ];
  return (
    <Table
      label={t('Requests')}
      columns={isSortable ? columns : columns.map(({ sort, ...column }) => column)}
      rows={rows}
      partRows={maxRows}
      keyOf={({ request_id, started_at }) => `${started_at} ${request_id}`}
    />
  );
}

function tokens({ prompt_tokens: input, completion_tokens: output }: RequestRow): string {
  return input === null && output === null
    ? '–'
    : `${compact(input ?? 0)} + ${compact(output ?? 0)}`;
}

/** Nano-dollars as dollars; a dash if no price was known, which differs from 0. */
export function cost(nano: number | null | undefined): string {
  return nano === null || nano === undefined ? '–' : money(nano / 1e9);
}
