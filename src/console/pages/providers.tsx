import { useEffect, useState } from 'preact/hooks';
import type { Checked, Provider, Status } from '../lib/answers.js';
import { call, withQuery } from '../lib/api.js';
import { flagsOf } from '../lib/command-text.js';
import { age, compact, duration, percent } from '../lib/format.js';
import { useLoad } from '../lib/load.js';
import { usePlan } from '../lib/plan.js';
import { leaveForm, linkTo, route } from '../lib/route.js';
import { mayChangeProviders } from '../lib/session.js';
import type { Sortable } from '../lib/sort.js';
import { useTask } from '../lib/task.js';
import { t } from '../lib/words.js';
import { CheckResult } from '../parts/check-result.js';
import { DeleteDialog } from '../parts/delete-dialog.js';
import { Confirm, Dialog } from '../parts/dialog.js';
import { Consequences } from '../parts/effect.js';
import { SearchField } from '../parts/fields/search-field.js';
import { Pager } from '../parts/pager.js';
import { Bar, Page, Panel } from '../parts/panel.js';
import { ProviderState } from '../parts/provider-state.js';
import { RowAction } from '../parts/row-action.js';
import { Empty, Failure, Loaded, Skeleton } from '../parts/state.js';
import { Cut, Table } from '../parts/table.js';
import { toast } from '../parts/toast.js';
import { ProviderForm } from './forms/provider-form.js';
import { Weights } from './weights.js';

const pageRows = 50;
/** Columns that the server sorts by. */
const providerOrders: readonly string[] = ['provider_key', 'weight'];

type Now = Status['providers'][number];

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

type Shown =
  | { kind: 'form'; provider: Provider | null }
  | { kind: 'weights' }
  | { kind: 'test' | 'drain' | 'delete'; provider: Provider };

interface ProviderTableProps {
  providers: readonly Provider[];
  stateOf: ReadonlyMap<string, Now>;
  /** True if these are all: what is known of them now sorts them, too. */
  isWhole: boolean;
  onShow: (shown: Shown) => void;
}

function ProviderTable({ providers, stateOf, isWhole, onShow }: ProviderTableProps) {
  const here = (sort: string, by: (row: Provider) => Sortable) => (isWhole ? { sort, by } : {});
  const now = ({ provider_key }: Provider) => stateOf.get(provider_key);
  return (
    <Table
      label={t('Providers')}
      rows={providers}
      keyOf={({ id }) => id}
      columns={[
        {
          title: t('Provider'),
          value: ({ provider_key, provider_type, api_base }) => (
            <>
              <Cut text={provider_key}>
                <a href={linkTo('requests', '', { provider: provider_key })}>{provider_key}</a>
              </Cut>
              <div class="muted small">
                <Cut isWide text={`${provider_type} · ${api_base}`} />
              </div>
            </>
          ),
          sort: 'provider_key',
        },
        {
          title: t('State'),
          value: (row) => {
            const { is_enabled } = row;
            const { until = null } = now(row) ?? {};
            return (
              <>
                <ProviderState state={now(row)?.state ?? (is_enabled ? 'available' : 'disabled')} />
                {until !== null && is_enabled && (
                  <div class="muted small">{t('{age} left', { age: age(until) })}</div>
                )}
              </>
            );
          },
          ...here('state', (row) => now(row)?.state),
        },
        {
          title: t('Weight'),
          isNumber: true,
          value: ({ weight }) => compact(weight),
          sort: 'weight',
        },
        {
          title: t('Share'),
          isNumber: true,
          value: (row) => <Bar share={now(row)?.share ?? 0} text={percent(now(row)?.share ?? 0)} />,
          ...here('share', (row) => now(row)?.share),
        },
        {
          title: t('Errors'),
          isNumber: true,
          value: (row) => {
            const { requests = 0, errors = 0 } = now(row) ?? {};
            return requests === 0 ? '–' : percent(errors / requests);
          },
          ...here('errors', (row) => {
            const { requests = 0, errors = 0 } = now(row) ?? {};
            return requests === 0 ? null : errors / requests;
          }),
        },
        {
          title: t('Latency'),
          isNumber: true,
          value: (row) => duration(now(row)?.latency_ms),
          ...here('latency', (row) => now(row)?.latency_ms),
        },
        {
          title: t('Its limits'),
          value: (row) => <Learned limits={now(row)?.limits ?? []} />,
        },
        {
          title: t('In flight'),
          isNumber: true,
          value: (row) => {
            const { in_flight = 0, max_concurrency = null } = now(row) ?? {};
            return max_concurrency === null ? in_flight : `${in_flight} / ${max_concurrency}`;
          },
          ...here('in-flight', (row) => now(row)?.in_flight),
        },
        {
          title: '',
          value: (provider) =>
            mayChangeProviders.value && (
              <div class="row-actions">
                {(['test', 'drain', 'delete'] as const).map((kind) => (
                  <RowAction
                    key={kind}
                    label={t(
                      kind === 'drain' && !provider.is_enabled ? 'Use it again' : actions[kind],
                    )}
                    of={provider.provider_key}
                    onClick={() => onShow({ kind, provider })}
                  />
                ))}
                <RowAction
                  label={t('Edit')}
                  of={provider.provider_key}
                  onClick={() => onShow({ kind: 'form', provider })}
                />
              </div>
            ),
        },
      ]}
    />
  );
}

/** The reported limit that is nearest to exhaustion; a tooltip has the others. */
function Learned({ limits }: { limits: Now['limits'] }) {
  const texts = limits.map(({ model, counts, limit, remaining, resets_at }) =>
    t('{remaining} of {limit} {counts} · {model} · {age}', {
      ...{ remaining: compact(remaining), limit: compact(limit), counts: t(counts) },
      ...{ model, age: age(resets_at) },
    }),
  );
  return <span title={texts.join('\n')}>{texts[0] ?? <span class="muted">–</span>}</span>;
}

const actions = { test: 'Test', drain: 'Drain', delete: 'Delete' } as const;

/** Sends real requests to a provider. */
function TestDialog({ provider, onClose }: { provider: Provider; onClose: () => void }) {
  const [models, setModels] = useState('');
  const [checked, setChecked] = useState<Checked | null>(null);
  const task = useTask();
  const test = () =>
    task.run(async () => {
      const names = models.split(/[\s,]+/).filter(Boolean);
      const body = names.length > 0 ? { models: names } : {};
      setChecked(await call<Checked>(`providers/${provider.id}/health`, { method: 'POST', body }));
    });
  return (
    <Dialog title={t('Test {name}', { name: provider.provider_key })} onClose={onClose} isWide>
      <div class="stack">
        <p>
          {t(
            'Sends a real, cheap request for each model. Models in the mapping are tested unless you name others.',
          )}
        </p>
        <div class="line">
          <input
            aria-label={t('Models')}
            placeholder={t('for example {name}', { name: 'gpt-4o-mini' })}
            value={models}
            onInput={(event) => setModels(event.currentTarget.value)}
          />
          <button type="button" class="primary" disabled={task.isBusy} onClick={test}>
            {t('Test')}
          </button>
        </div>
        {task.error && <Failure error={task.error} />}
        {task.isBusy && <Skeleton lines={2} />}
        {checked && !task.isBusy && <CheckResult checked={checked} />}
      </div>
    </Dialog>
  );
}

interface DrainProps {
  provider: Provider;
  now: Now | undefined;
  onClose: () => void;
}

/** Sends no new requests to a provider; those under way finish. */
function Drain({ provider, now, onClose }: DrainProps) {
  const task = useTask();
  const { id, provider_key: name, is_enabled } = provider;
  const change = { providers: { [name]: { is_enabled: !is_enabled } } };
  const planning = usePlan({ document: JSON.stringify(change) });
  useEffect(() => void planning.make(), []);
  const set = async (isEnabled: boolean) => {
    const isDone = await task.run(() =>
      call(`providers/${id}?wait=active`, { method: 'PUT', body: { is_enabled: isEnabled } }),
    );
    if (!isDone) return;
    toast(t(isEnabled ? '{name} is used again' : '{name} gets no new requests', { name }));
    onClose();
  };
  return (
    <Confirm
      title={t(is_enabled ? 'Drain {name}' : 'Use {name} again', { name })}
      confirm={t(is_enabled ? 'Drain' : 'Use it again')}
      isDangerous={is_enabled}
      isBusy={task.isBusy}
      error={task.error}
      onConfirm={() => void set(!is_enabled)}
      onClose={onClose}
    >
      <div class="stack">
        <p>
          {is_enabled
            ? t('It gets no new requests; the {count} under way finish.', {
                count: now?.in_flight ?? 0,
              })
            : t('It gets requests again, by its weight of {weight}.', { weight: provider.weight })}
        </p>
        {planning.isBusy && <Skeleton lines={2} />}
        {planning.plan && <Consequences effect={planning.plan.effect} />}
      </div>
    </Confirm>
  );
}

function Delete({ provider, onClose }: { provider: Provider; onClose: () => void }) {
  return (
    <DeleteDialog name={provider.provider_key} path={`providers/${provider.id}`} onClose={onClose}>
      {t('Requests under way finish. It can be brought back by rolling the configuration back.')}
    </DeleteDialog>
  );
}
