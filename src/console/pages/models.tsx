import type { ModelList } from '../lib/answers.js';
import { withQuery } from '../lib/api.js';
import { compact, duration, percent } from '../lib/format.js';
import { useLoad } from '../lib/load.js';
import { linkTo, route } from '../lib/route.js';
import { t } from '../lib/words.js';
import { SearchField } from '../parts/fields/search-field.js';
import { Pager } from '../parts/pager.js';
import { Page, Panel } from '../parts/panel.js';
import { ProviderState } from '../parts/provider-state.js';
import { cost } from '../parts/request-table.js';
import { Empty, Loaded } from '../parts/state.js';
import { Cut, Table } from '../parts/table.js';

type Model = ModelList['models'][number];

const pageRows = 50;
/** Providers drawn of a model. */
const maxHops = 12;

/** Models with the providers that serve them, in order. */
export function Models() {
  const { query } = route.value;
  const search = query.get('search') ?? '';
  const offset = Number(query.get('from') ?? 0);
  const sort = query.get('sort');
  const path = withQuery('models', { search, sort, limit: pageRows, offset });
  const list = useLoad<ModelList>(path);
  return (
    <Page title={t('Models')} command={{ cli: 'llmproxy explain --model MODEL', path }}>
      <SearchField />
      <Panel>
        <Loaded of={list} lines={10}>
          {({ models, total }) =>
            models.length === 0 ? (
              <Empty
                title={t(search ? 'No such models' : 'No models known')}
                actions={
                  <a class="button" href={linkTo('providers')}>
                    {t('Providers')}
                  </a>
                }
              >
                {t(
                  'Names come from the mappings of providers and from the lists that they publish. Others are passed on to providers that serve every model.',
                )}
              </Empty>
            ) : (
              <>
                <Table
                  label={t('Models')}
                  rows={models}
                  keyOf={({ model }) => model}
                  columns={[
                    {
                      title: t('Model'),
                      value: ({ model }) => (
                        <Cut text={model}>
                          <a href={linkTo('requests', '', { model })}>{model}</a>
                        </Cut>
                      ),
                      sort: 'model',
                    },
                    { title: t('Order of attempts'), value: (model) => <Order model={model} /> },
                  ]}
                />
                <Pager
                  offset={offset}
                  count={models.length}
                  pageRows={pageRows}
                  total={total}
                  hasNext={offset + pageRows < total}
                />
              </>
            )
          }
        </Loaded>
      </Panel>
    </Page>
  );
}

/** A picture of failover: providers of one priority share requests, the next ones follow. */
function Order({ model: { model, candidates, candidates_total, fallbacks } }: { model: Model }) {
  const drawn = candidates.slice(0, maxHops);
  if (candidates.length === 0)
    return <span class="muted">{t('no enabled provider serves it')}</span>;
  return (
    <div class="route-order">
      {drawn.map((candidate, index) => {
        const before = drawn[index - 1];
        const isNext = before && before.priority !== candidate.priority;
        return (
          <>
            {index > 0 && <span class="then">{isNext ? '→' : '+'}</span>}
            <div class="hop" key={candidate.provider}>
              <Cut text={candidate.provider} />
              <div class="muted small">
                {candidate.share === null ? t('by state') : percent(candidate.share)}
                {candidate.latency_ms !== null && ` · ${duration(candidate.latency_ms)}`}
              </div>
              <Price of={candidate.price} />
              {candidate.model_sent !== model && (
                <div class="muted small">
                  <Cut text={`→ ${candidate.model_sent}`} />
                </div>
              )}
              {candidate.state !== 'available' && <ProviderState state={candidate.state} />}
            </div>
          </>
        );
      })}
      {candidates_total > drawn.length && (
        <span class="muted small">
          {t('and {count} more', { count: candidates_total - drawn.length })}
        </span>
      )}
      {fallbacks.map((name) => (
        <>
          <span class="then">⇢</span>
          <div class="hop" key={name}>
            <Cut text={name} />
            <div class="muted small">{t('fallback model')}</div>
          </div>
        </>
      ))}
    </div>
  );
}

/** Dollars per million tokens of input and output, and the context length. */
function Price({ of: price }: { of: Model['candidates'][number]['price'] }) {
  if (!price) return null;
  const { input, output, max_input_tokens: context } = price;
  return (
    <div class="muted small" title={t('Input and output, for a million tokens; context')}>
      {cost(input)} / {cost(output)}
      {context !== null && ` · ${compact(context)}`}
    </div>
  );
}
