import type { Provider, Status } from '../../lib/answers.js';
import { age, compact, duration, percent } from '../../lib/format.js';
import { linkTo } from '../../lib/route.js';
import { mayChangeProviders } from '../../lib/session.js';
import type { Sortable } from '../../lib/sort.js';
import { t } from '../../lib/words.js';
import { Bar } from '../../parts/panel.js';
import { ProviderState } from '../../parts/provider-state.js';
import { RowAction } from '../../parts/row-action.js';
import { Cut, Table } from '../../parts/table.js';

/** The present state of a provider. */
export type Now = Status['providers'][number];

/** The dialog that is open on the page. */
export type Shown =
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

/** Providers, and what is known of each at present. */
export function ProviderTable({ providers, stateOf, isWhole, onShow }: ProviderTableProps) {
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
