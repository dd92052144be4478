import { useState } from 'preact/hooks';
import type { RequestRow } from '../../lib/answers.js';
import { useLive } from '../../lib/live.js';
import { t } from '../../lib/words.js';
import { Panel } from '../../parts/panel.js';
import { RequestTable } from '../../parts/request-table.js';
import { Empty, State } from '../../parts/state.js';

const maxLive = 200;

/** Requests as they finish. */
export function LiveTail({ query }: { query: URLSearchParams }) {
  const [rows, setRows] = useState<readonly RequestRow[]>([]);
  const [skipped, setSkipped] = useState(0);
  const state = useLive(
    {
      topics: 'requests',
      key: query.get('key'),
      model: query.get('model'),
      provider: query.get('provider'),
      errors: query.get('status') === 'error' || null,
    },
    (event, data) => {
      if (event === 'skipped') setSkipped((count) => count + (data as { count: number }).count);
      if (event === 'request') {
        setRows((known) => [data as RequestRow, ...known].slice(0, maxLive));
      }
    },
  );
  return (
    <Panel
      title={t('As they finish')}
      actions={
        <State tone={state === 'live' ? 'good' : 'plain'}>
          {t(state === 'live' ? 'Live' : state === 'paused' ? 'Paused' : 'Connecting')}
          {skipped > 0 && ` · ${t('{count} not shown', { count: skipped })}`}
        </State>
      }
    >
      {rows.length === 0 ? (
        <Empty title={t('Waiting for a request')}>
          {t('Requests appear here as soon as they have finished.')}
        </Empty>
      ) : (
        <RequestTable rows={rows} isShort />
      )}
    </Panel>
  );
}
