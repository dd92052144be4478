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
import { Page, Panel } from '../parts/panel.js';
import { selectorsText } from '../parts/selector-fields.js';
import { Empty, Loaded, State } from '../parts/state.js';
import { Cut, Table } from '../parts/table.js';
import { MirrorPage } from './mirror.js';
import { MirrorForm } from './mirror-form.js';

/** Mirrors; with a name in the address, one of them. */
export function Mirrors() {
  const { item } = route.value;
  return item === '' ? <List /> : <MirrorPage key={item} name={item} />;
}

function List() {
  const list = useLoad<{ mirrors: Mirror[] }>('mirrors?limit=1000');
  const status = useLoad<{ mirrors: MirrorStatus[] }>(
    withQuery('canary/status', { only: 'mirrors' }),
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
      command={{ cli: 'llmproxy mirrors list\nllmproxy canary status', path: 'mirrors' }}
      actions={add}
    >
      <Panel isStale={list.error !== null}>
        <Loaded of={list}>
          {({ mirrors }) =>
            mirrors.length === 0 ? (
              <Empty title={t('No mirrors yet')} actions={add}>
                {t(
                  'A mirror sends a sample of requests to another provider or model as well, and compares the answers. Clients notice nothing and pay for nothing.',
                )}
              </Empty>
            ) : (
              <Table
                label={t('Mirrors')}
                rows={mirrors}
                keyOf={({ name }) => name}
                columns={[
                  {
                    title: t('Name'),
                    value: ({ name }) => (
                      <Cut text={name}>
                        <a href={linkTo('mirrors', name)}>{name}</a>
                      </Cut>
                    ),
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
