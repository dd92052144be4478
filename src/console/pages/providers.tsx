import { useState } from 'preact/hooks';
import type { Provider, Status } from '../lib/answers.js';
import { withQuery } from '../lib/api.js';
import { flagsOf } from '../lib/command-text.js';
import { useLoad } from '../lib/load.js';
import { leaveForm, route } from '../lib/route.js';
import { mayChangeProviders } from '../lib/session.js';
import { t } from '../lib/words.js';
import { SearchField } from '../parts/fields/search-field.js';
import { Pager } from '../parts/pager.js';
import { Page, Panel } from '../parts/panel.js';
import { Empty, Loaded } from '../parts/state.js';
import { ProviderForm } from './forms/provider-form.js';
import { Delete, Drain, TestDialog } from './providers/provider-dialogs.js';
import { ProviderTable, type Shown } from './providers/provider-table.js';
import { Weights } from './weights.js';

const pageRows = 50;
/** Columns that the server sorts by. */
const providerOrders: readonly string[] = ['provider_key', 'weight'];

/** Providers: their state and configuration. */
export function Providers() {
  const { query } = route.value;
  const search = query.get('search') ?? '';
  const offset = Number(query.get('from') ?? 0);
  const order = query.get('sort') ?? '';
  const sort = providerOrders.includes(order.replace(/^-/, '')) ? order : null;
  const path = withQuery('providers', { search, sort, limit: pageRows + 1, offset });
  const list = useLoad<{ providers: Provider[] }>(path);
  const rows = (list.data?.providers ?? []).slice(0, pageRows);
  const names = rows.map(({ provider_key }) => provider_key).join();
  const status = useLoad<Status>(names ? withQuery('status', { provider: names }) : null, 3_000);
  const [shown, setShown] = useState<Shown | null>(null);
  const isAdding = query.has('add');
  const close = () => {
    setShown(null);
    leaveForm();
    list.reload();
    status.reload();
  };
  const stateOf = new Map(status.data?.providers.map((now) => [now.provider, now]));
  return (
    <Page
      title={t('Providers')}
      command={{ cli: `llmproxy provider list${flagsOf({ sort })}`, path }}
      actions={
        mayChangeProviders.value && (
          <>
            {rows.length > 1 && (
              <button type="button" onClick={() => setShown({ kind: 'weights' })}>
                {t('Weights')}
              </button>
            )}
            <button
              type="button"
              class="primary"
              onClick={() => setShown({ kind: 'form', provider: null })}
            >
              {t('Add a provider')}
            </button>
          </>
        )
      }
    >
      <SearchField />
      <Panel isStale={list.error !== null}>
        <Loaded of={list}>
          {({ providers }) =>
            providers.length === 0 && (search !== '' || offset > 0) ? (
              <Empty title={t('No such providers')} />
            ) : providers.length === 0 ? (
              <Empty
                title={t('No providers yet')}
                actions={
                  mayChangeProviders.value && (
                    <button
                      type="button"
                      class="primary"
                      onClick={() => setShown({ kind: 'form', provider: null })}
                    >
                      {t('Add a provider')}
                    </button>
                  )
                }
              >
                {t(
                  'A provider is an API that requests are sent to: OpenAI, Anthropic, a cloud, or a server of your own.',
                )}
              </Empty>
            ) : (
              <>
                <ProviderTable
                  providers={rows}
                  stateOf={stateOf}
                  isWhole={offset === 0 && providers.length <= pageRows}
                  onShow={setShown}
                />
                <Pager
                  offset={offset}
                  count={rows.length}
                  pageRows={pageRows}
                  hasNext={providers.length > pageRows}
                />
              </>
            )
          }
        </Loaded>
      </Panel>
      {(shown?.kind === 'form' || (isAdding && !shown)) && (
        <ProviderForm
          provider={shown?.kind === 'form' ? shown.provider : null}
          onSaved={list.reload}
          onClose={close}
        />
      )}
      {shown?.kind === 'weights' && <Weights providers={rows} onClose={close} />}
      {shown?.kind === 'test' && <TestDialog provider={shown.provider} onClose={close} />}
      {shown?.kind === 'drain' && (
        <Drain
          provider={shown.provider}
          now={stateOf.get(shown.provider.provider_key)}
          onClose={close}
        />
      )}
      {shown?.kind === 'delete' && <Delete provider={shown.provider} onClose={close} />}
    </Page>
  );
}
