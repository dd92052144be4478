import { useState } from 'preact/hooks';
import type { RequestList } from '../lib/answers.js';
import { call, withQuery } from '../lib/api.js';
import { flagsOf } from '../lib/command-text.js';
import { fieldTime } from '../lib/format.js';
import { useLoad } from '../lib/load.js';
import { linkTo, route, setQuery } from '../lib/route.js';
import { role } from '../lib/session.js';
import { useTask } from '../lib/task.js';
import { t } from '../lib/words.js';
import { Page, Panel } from '../parts/panel.js';
import { RequestTable } from '../parts/request-table.js';
import { Empty, Failure, Loaded } from '../parts/state.js';
import { RequestPage } from './request.js';
import { LiveTail } from './requests/live-tail.js';

const pageRows = 100;
/** Rows of a downloaded file. */
const maxFile = 10_000;

const periods = [
  ['15m', 'Last 15 minutes'],
  ['1h', 'Last hour'],
  ['24h', 'Last 24 hours'],
  ['7d', 'Last 7 days'],
  ['30d', 'Last 30 days'],
] as const;

const statuses = [
  ['', 'Every status'],
  ['error', 'Failed'],
  ['retried', 'Retried'],
  ['2xx', '2xx'],
  ['4xx', '4xx'],
  ['429', '429'],
  ['5xx', '5xx'],
] as const;

const texts = [
  ['key', 'Key'],
  ['team', 'Team'],
  ['model', 'Model'],
  ['provider', 'Provider'],
  ['user', 'User'],
  ['tag', 'Tag'],
  ['id', 'Request ID'],
] as const;

/** Text filters that the live tail supports. */
const liveTexts: readonly string[] = ['key', 'model', 'provider'];

const bounds = [
  ['slower', 'Slower than, ms'],
  ['dearer', 'Costs at least, $'],
] as const;

/** Search and live tail of requests; with an id in the address, one request. */
export function Requests() {
  const { item } = route.value;
  return item === '' ? <Search /> : <RequestPage id={item} />;
}

function Search() {
  const { query } = route.value;
  const isLive = query.get('live') === 'yes';
  const [hasAll, setAll] = useState(false);
  const since = query.get('since') ?? '24h';
  const isCustom = !periods.some(([period]) => period === since);
  const filters = {
    since,
    until: isCustom ? query.get('until') : null,
    ...Object.fromEntries(texts.map(([name]) => [name, query.get(name)])),
    status: query.get('status'),
  };
  const [slower, dearer] = bounds.map(([name]) => query.get(name) ?? '');
  const search = {
    ...filters,
    min_duration_ms: slower && Math.round(Number(slower)),
    min_cost_nano: dearer && Math.round(Number(dearer) * 1e9),
    sort: query.get('sort'),
  };
  const given = { ...filters, 'min-duration': slower, 'min-cost': dearer, sort: search.sort };
  return (
    <Page
      title={t('Requests')}
      command={{
        cli: isLive ? null : `llmproxy requests${flagsOf(given)}`,
        path: isLive ? 'events?topics=requests' : withQuery('requests', search),
      }}
      actions={
        <>
          {!isLive && (
            <a
              class="button"
              href={`admin/v1/${withQuery('requests', { ...search, limit: maxFile, format: 'csv' })}`}
              download="requests.csv"
            >
              {t('Download CSV')}
            </a>
          )}
          {role.value !== 'team' && (
            <button
              type="button"
              aria-pressed={isLive}
              onClick={() => setQuery({ live: isLive ? '' : 'yes' })}
            >
              {t(isLive ? 'Stop following' : 'Follow live')}
            </button>
          )}
        </>
      }
    >
      <div class="filters many">
        {!isLive && (
          <select
            aria-label={t('Period')}
            value={isCustom ? '' : since}
            onChange={(event) => {
              const hourAgo = new Date(Date.now() - 3_600_000).toISOString();
              setQuery({ since: event.currentTarget.value || hourAgo, until: '' });
            }}
          >
            {periods.map(([value, text]) => (
              <option key={value} value={value}>
                {t(text)}
              </option>
            ))}
            <option value="">{t('From … to …')}</option>
          </select>
        )}
        {!isLive &&
          isCustom &&
          (['since', 'until'] as const).map((name) => (
            <input
              key={name}
              type="datetime-local"
              aria-label={t(name === 'since' ? 'From' : 'Until')}
              title={t(name === 'since' ? 'From' : 'Until')}
              value={filters[name] ? fieldTime(filters[name]) : ''}
              onChange={({ currentTarget: { value } }) => {
                if (value !== '' || name === 'until') {
                  setQuery({ [name]: value && new Date(value).toISOString() });
                }
              }}
            />
          ))}
        <select
          aria-label={t('Status')}
          value={filters.status ?? ''}
          onChange={(event) => setQuery({ status: event.currentTarget.value })}
        >
          {statuses
            .filter(([value]) => !isLive || value === '' || value === 'error')
            .map(([value, text]) => (
              <option key={value} value={value}>
                {t(text)}
              </option>
            ))}
        </select>
        {!hasAll && (
          <button type="button" class="rest" onClick={() => setAll(true)}>
            {t('More filters')}
          </button>
        )}
        {texts
          .filter(([name]) => !isLive || liveTexts.includes(name))
          .map(([name, text]) => (
            <input
              key={name}
              aria-label={t(text)}
              placeholder={t(text)}
              value={query.get(name) ?? ''}
              onChange={(event) => setQuery({ [name]: event.currentTarget.value.trim() })}
            />
          ))}
        {!isLive &&
          bounds.map(([name, text]) => (
            <input
              key={name}
              aria-label={t(text)}
              placeholder={t(text)}
              inputMode="decimal"
              value={query.get(name) ?? ''}
              onChange={(event) =>
                setQuery({ [name]: Number.parseFloat(event.currentTarget.value) || '' })
              }
            />
          ))}
      </div>
      {isLive ? (
        <LiveTail query={query} />
      ) : (
        <Found
          key={withQuery('', { ...search, sort: null })}
          path={withQuery('requests', search)}
          isSorted={search.sort !== null && search.sort !== '-started_at'}
        />
      )}
    </Page>
  );
}

interface FoundProps {
  path: string;
  /** Not the newest first: the server then has no pages, only the first rows. */
  isSorted: boolean;
}

function Found({ path, isSorted }: FoundProps) {
  const [limit, setLimit] = useState(pageRows);
  const first = useLoad<RequestList>(`${path}&limit=${limit}`);
  const [loaded, setLoaded] = useState<(RequestList & { path: string }) | null>(null);
  const more = loaded?.path === path ? loaded : null;
  const task = useTask();
  const next = more ? more.next_cursor : first.data?.next_cursor;
  const load = () =>
    task.run(async () => {
      const page = await call<RequestList>(
        `${path}&limit=${pageRows}&cursor=${encodeURIComponent(next ?? '')}`,
      );
      setLoaded({ ...page, path, requests: [...(more?.requests ?? []), ...page.requests] });
    });
  return (
    <Panel>
      <Loaded of={first} lines={12}>
        {({ requests }) =>
          requests.length === 0 ? (
            <Empty
              title={t('No requests')}
              actions={
                <a class="button" href={linkTo('playground')}>
                  {t('Send a request')}
                </a>
              }
            >
              {t('None in this period match. Names may contain * for any characters.')}
            </Empty>
          ) : (
            <>
              <RequestTable rows={[...requests, ...(more?.requests ?? [])]} isSortable />
              {task.error && <Failure error={task.error} />}
              {next && (
                <div class="more">
                  <button type="button" disabled={task.isBusy} onClick={load}>
                    {t('Older requests')}
                  </button>
                </div>
              )}
              {isSorted && requests.length === limit && limit < maxFile && (
                <div class="more">
                  <button
                    type="button"
                    disabled={first.isLoading}
                    onClick={() => setLimit(limit + pageRows)}
                  >
                    {t('Show more')}
                  </button>
                </div>
              )}
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}
