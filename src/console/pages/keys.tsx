import { useState } from 'preact/hooks';
import type { Key, Spent } from '../lib/answers.js';
import { withQuery } from '../lib/api.js';
import { flagsOf } from '../lib/command-text.js';
import { useLoad } from '../lib/load.js';
import { leaveForm, route } from '../lib/route.js';
import { mayChangeKeys, role } from '../lib/session.js';
import { t } from '../lib/words.js';
import { SearchField } from '../parts/fields/search-field.js';
import { TeamFilter } from '../parts/fields/team-filter.js';
import { Pager } from '../parts/pager.js';
import { Page, Panel } from '../parts/panel.js';
import { Empty, Loaded } from '../parts/state.js';
import { BudgetForm } from './forms/budget-form.js';
import { KeyForm } from './forms/key-form.js';
import { Revoke, Rotate } from './keys/key-dialogs.js';
import { KeyTable, type Shown } from './keys/key-table.js';

const pageRows = 50;

/** Keys of clients: created, limited, rotated, revoked. */
export function Keys() {
  const { query } = route.value;
  const search = query.get('search') ?? '';
  const team = query.get('team') ?? '';
  const offset = Number(query.get('from') ?? 0);
  const sort = query.get('sort');
  const path = withQuery('credentials', { search, team, sort, limit: pageRows + 1, offset });
  const list = useLoad<{ credentials: Key[] }>(path);
  const names = list.data?.credentials.slice(0, pageRows).map(({ name }) => ['key', name]) ?? [];
  const budgets = useLoad<{ budgets: Spent[] }>(
    names.length === 0 ? null : `spend/budgets?${new URLSearchParams(names)}`,
  );
  const [shown, setShown] = useState<Shown | null>(null);
  const isAdding = query.has('add');
  const close = () => {
    setShown(null);
    leaveForm();
    list.reload();
    budgets.reload();
  };
  const add = mayChangeKeys.value && (
    <button type="button" class="primary" onClick={() => setShown({ kind: 'form', key: null })}>
      {t('Create a key')}
    </button>
  );
  return (
    <Page
      title={t('Keys')}
      command={{
        cli: `llmproxy keys list${flagsOf({ search, team, sort })}`,
        path,
      }}
      actions={add}
    >
      <SearchField>{role.value !== 'team' && <TeamFilter team={team} />}</SearchField>
      <Panel isStale={list.error !== null}>
        <Loaded of={list} lines={10}>
          {({ credentials }) =>
            credentials.length === 0 ? (
              search || team || offset > 0 ? (
                <Empty title={t('No such keys')} />
              ) : (
                <Empty title={t('No keys yet')} actions={add}>
                  {t(
                    'Each client has a key of its own: its models, its limits, and an end when it is revoked.',
                  )}
                </Empty>
              )
            ) : (
              <>
                <KeyTable
                  keys={credentials.slice(0, pageRows)}
                  budgets={budgets.data?.budgets ?? null}
                  onShow={setShown}
                />
                <Pager
                  offset={offset}
                  count={Math.min(pageRows, credentials.length)}
                  pageRows={pageRows}
                  hasNext={credentials.length > pageRows}
                />
              </>
            )
          }
        </Loaded>
      </Panel>
      {(shown?.kind === 'form' || (isAdding && !shown)) && (
        <KeyForm
          row={shown?.kind === 'form' ? shown.key : null}
          team={team}
          onSaved={list.reload}
          onClose={close}
        />
      )}
      {shown?.kind === 'rotate' && <Rotate row={shown.key} onClose={close} />}
      {shown?.kind === 'budget' && (
        <BudgetForm name={null} of={{ key: shown.key.name }} onClose={close} />
      )}
      {shown?.kind === 'revoke' && <Revoke row={shown.key} onClose={close} />}
    </Page>
  );
}
