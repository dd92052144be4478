import { useState } from 'preact/hooks';
import type { Bodies } from '../../lib/answers.js';
import { withQuery } from '../../lib/api.js';
import { useLoad } from '../../lib/load.js';
import { t } from '../../lib/words.js';
import { Panel } from '../../parts/panel.js';
import { Empty, Loaded } from '../../parts/state.js';

/** Stored bodies of the request and its answer, read only when asked for. */
export function StoredBodies({ id }: { id: string }) {
  const [isAsked, setAsked] = useState(false);
  const bodies = useLoad<Bodies>(isAsked ? withQuery('requests/bodies', { request_id: id }) : null);
  return (
    <Panel
      title={t('Bodies')}
      actions={
        !isAsked && (
          <button type="button" onClick={() => setAsked(true)}>
            {t('Show what is stored')}
          </button>
        )
      }
    >
      {isAsked && (
        <Loaded of={bodies} lines={3}>
          {({ request_body: sent, response_body: answered }) =>
            sent === null && answered === null ? (
              <Empty title={t('No bodies are stored')}>
                {t('They are stored for keys whose form says so, from then on.')}
              </Empty>
            ) : (
              <div class="body stack">
                <h3>{t('Request')}</h3>
                <pre>{sent ?? '–'}</pre>
                <h3>{t('Answer')}</h3>
                <pre>{answered ?? '–'}</pre>
              </div>
            )
          }
        </Loaded>
      )}
    </Panel>
  );
}
