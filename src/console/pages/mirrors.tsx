import { useState } from 'preact/hooks';
import type { Mirror, MirrorStatus } from '../lib/answers.js';
import { withQuery } from '../lib/api.js';
import { compact, percent } from '../lib/format.js';
import { useLoad } from '../lib/load.js';
import { linkTo, route } from '../lib/route.js';
import { mayChangeRules } from '../lib/session.js';
import { t } from '../lib/words.js';
import { Bounded } from '../parts/bounded.js';
import { copiesGoTo } from '../parts/copies-go-to.js';
import { SearchField } from '../parts/fields/search-field.js';
import { selectorsText } from '../parts/fields/selector-fields.js';
import { Pager } from '../parts/pager.js';
import { Page, Panel } from '../parts/panel.js';
import { Empty, Loaded, State } from '../parts/state.js';
import { Cut, Table } from '../parts/table.js';
import { MirrorForm } from './forms/mirror-form.js';
import { MirrorPage } from './mirror.js';

/** Mirrors; with a name in the address, one of them. */
export function Mirrors() {
  const { item } = route.value;
  return item === '' ? <List /> : <MirrorPage key={item} name={item} />;
}

const pageRows = 50;

function List() {
  const { query } = route.value;
  const search = query.get('search') ?? '';
  const offset = Number(query.get('from') ?? 0);
  const page = { search, sort: query.get('sort'), limit: pageRows + 1, offset };
  const path = withQuery('mirrors', page);
  const list = useLoad<{ mirrors: Mirror[] }>(path);
  const status = useLoad<{ mirrors: MirrorStatus[] }>(
    withQuery('canary/status', { only: 'mirrors', ...page }),
  );
  const [isAdding, setAdding] = useState(false);
  const seen = new Map(status.data?.mirrors.map((each) => [each.name, each]));
  const add = mayChangeRules.value && (
    <button type="button" class="primary" onClick={() => setAdding(true)}>
      {t('Create a mirror')}
    </button>
  );
  return (
    <Page
      title={t('Mirrors')}
      command={{ cli: 'llmproxy mirrors list\nllmproxy canary status', path }}
      actions={add}
    >
      <SearchField />
      <Panel isStale={list.error !== null}>
        <Loaded of={list}>
          {({ mirrors }) =>
            mirrors.length === 0 && (search !== '' || offset > 0) ? (
              <Empty title={t('No such mirrors')} />
            ) : mirrors.length === 0 ? (
              <Empty title={t('No mirrors yet')} actions={add}>
                {t(
                  'A mirror sends a sample of requests to another provider or model as well, and compares the answers. Clients notice nothing and pay for nothing.',
                )}
              </Empty>
            ) : (
              <>
                <Table
                  label={t('Mirrors')}
                  rows={mirrors.slice(0, pageRows)}
                  keyOf={({ name }) => name}
                  columns={[
                    {
                      title: t('Name'),
                      value: ({ name }) => (
                        <Cut text={name}>
                          <a href={linkTo('mirrors', name)}>{name}</a>
                        </Cut>
                      ),
                      sort: 'name',
                    },
                    {
                      title: t('State'),
                      value: ({ is_enabled }) => (
                        <State tone={is_enabled ? 'good' : 'plain'}>
                          {t(is_enabled ? 'Works' : 'Disabled')}
                        </State>
                      ),
                    },
                    {
                      title: t('Whose requests'),
                      value: ({ applies_to }) => <Cut text={selectorsText(applies_to)} />,
                    },
                    { title: t('To'), value: (row) => <Cut text={copiesGoTo(row)} /> },
                    {
                      title: t('Sample'),
                      isNumber: true,
                      value: ({ sample_percent }) => percent(sample_percent / 100),
                    },
                    {
                      title: t('Pairs'),
                      isNumber: true,
                      value: ({ name }) => compact(seen.get(name)?.pairs ?? 0),
                    },
                    {
                      title: t('Errors of copies'),
                      isNumber: true,
                      value: ({ name }) => (
                        <Bounded of={seen.get(name)?.copy.error_rate ?? null} format={percent} />
                      ),
                    },
                  ]}
                />
                <Pager
                  offset={offset}
                  count={Math.min(pageRows, mirrors.length)}
                  pageRows={pageRows}
                  hasNext={mirrors.length > pageRows}
                />
              </>
            )
          }
        </Loaded>
      </Panel>
      {isAdding && (
        <MirrorForm
          mirror={null}
          onClose={() => {
            setAdding(false);
            list.reload();
          }}
        />
      )}
    </Page>
  );
}
