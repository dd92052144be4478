import { useState } from 'preact/hooks';
import type { Spent, Team } from '../lib/answers.js';
import { withQuery } from '../lib/api.js';
import { flagsOf } from '../lib/command-text.js';
import { compact } from '../lib/format.js';
import { useLoad } from '../lib/load.js';
import { leaveForm, linkTo, route } from '../lib/route.js';
import { mayChangeKeys, mayChangeRules } from '../lib/session.js';
import { t } from '../lib/words.js';
import { DeleteDialog } from '../parts/delete-dialog.js';
import { cacheText } from '../parts/fields/cache-fields.js';
import { limitsText } from '../parts/fields/limit-fields.js';
import { SearchField } from '../parts/fields/search-field.js';
import { Pager } from '../parts/pager.js';
import { Page, Panel } from '../parts/panel.js';
import { RowAction } from '../parts/row-action.js';
import { Left } from '../parts/spent.js';
import { Empty, Loaded } from '../parts/state.js';
import { Cut, Table } from '../parts/table.js';
import { BudgetForm } from './forms/budget-form.js';
import { TeamForm } from './forms/team-form.js';

const pageRows = 50;

type Shown = { kind: 'form'; team: Team | null } | { kind: 'delete' | 'budget'; team: Team };

/** Teams: keys with common models and limits. */
export function Teams() {
  const { query } = route.value;
  const search = query.get('search') ?? '';
  const offset = Number(query.get('from') ?? 0);
  const sort = query.get('sort');
  const path = withQuery('teams', { search, sort, limit: pageRows + 1, offset });
  const list = useLoad<{ teams: Team[] }>(path);
  const names = list.data?.teams.slice(0, pageRows).map(({ name }) => ['team', name]) ?? [];
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
  const budgetsOf = (name: string) =>
    (budgets.data?.budgets ?? []).filter(({ applies_to }) => applies_to.team === name);
  const add = mayChangeKeys.value && (
    <button type="button" class="primary" onClick={() => setShown({ kind: 'form', team: null })}>
      {t('Create a team')}
    </button>
  );
  return (
    <Page
      title={t('Teams')}
      command={{ cli: `llmproxy teams list${flagsOf({ search, sort })}`, path }}
      actions={add}
    >
      <SearchField />
      <Panel>
        <Loaded of={list}>
          {({ teams }) =>
            teams.length === 0 && (search !== '' || offset > 0) ? (
              <Empty title={t('No such teams')} />
            ) : teams.length === 0 ? (
              <Empty title={t('No teams yet')} actions={add}>
                {t('Keys of one team share its limits, and usage is summed by team.')}
              </Empty>
            ) : (
              <>
                <Table
                  label={t('Teams')}
                  rows={teams.slice(0, pageRows)}
                  keyOf={({ id }) => id}
                  columns={[
                    {
                      title: t('Name'),
                      value: ({ name }) => (
                        <Cut text={name}>
                          <a href={linkTo('keys', '', { team: name })}>{name}</a>
                        </Cut>
                      ),
                      sort: 'name',
                    },
                    {
                      title: t('Keys'),
                      isNumber: true,
                      value: ({ keys }) => compact(keys),
                      sort: 'keys',
                    },
                    {
                      title: t('Budget'),
                      isNumber: true,
                      value: (team) => {
                        const own = budgetsOf(team.name);
                        if (own.length > 0)
                          return own.map((each) => <Left key={each.name} of={each} />);
                        if (budgets.data === null || !mayChangeRules.value) return '–';
                        return (
                          <button
                            type="button"
                            class="quiet"
                            aria-label={`${t('Give it a budget')}: ${team.name}`}
                            onClick={() => setShown({ kind: 'budget', team })}
                          >
                            {t('Give it a budget')}
                          </button>
                        );
                      },
                    },
                    {
                      title: t('Models'),
                      value: ({ allowed_models: models }) => (
                        <Cut
                          text={
                            models === null || models.includes('*') ? t('all') : models.join(', ')
                          }
                        />
                      ),
                    },
                    {
                      title: t('Limits'),
                      value: ({ limits: own }) => <Cut text={limitsText(own) || t('unlimited')} />,
                    },
                    {
                      title: t('Cache'),
                      value: ({ cache }) => <Cut text={cacheText(cache, t('off'))} />,
                    },
                    { title: t('Tags'), value: ({ tags }) => <Cut text={tags.join(', ')} /> },
                    {
                      title: t('Who answers for it'),
                      value: ({ admins }) => <Cut text={admins.join(', ')} />,
                    },
                    {
                      title: '',
                      value: (team) => (
                        <div class="row-actions">
                          <a
                            class="button quiet"
                            aria-label={`${t('Usage')}: ${team.name}`}
                            href={linkTo('usage', '', { team: team.name, span: 'month' })}
                          >
                            {t('Usage')}
                          </a>
                          <a
                            class="button quiet"
                            aria-label={`${t('Requests')}: ${team.name}`}
                            href={linkTo('requests', '', { team: team.name })}
                          >
                            {t('Requests')}
                          </a>
                          {mayChangeKeys.value &&
                            (['delete', 'form'] as const).map((kind) => (
                              <RowAction
                                key={kind}
                                label={t(kind === 'form' ? 'Edit' : 'Delete')}
                                of={team.name}
                                onClick={() => setShown({ kind, team })}
                              />
                            ))}
                        </div>
                      ),
                    },
                  ]}
                />
                <Pager
                  offset={offset}
                  count={Math.min(pageRows, teams.length)}
                  pageRows={pageRows}
                  hasNext={teams.length > pageRows}
                />
              </>
            )
          }
        </Loaded>
      </Panel>
      {(shown?.kind === 'form' || (isAdding && !shown)) && (
        <TeamForm
          team={shown?.kind === 'form' ? shown.team : null}
          onSaved={list.reload}
          onClose={close}
        />
      )}
      {shown?.kind === 'budget' && (
        <BudgetForm name={null} of={{ team: shown.team.name }} onClose={close} />
      )}
      {shown?.kind === 'delete' && <Delete team={shown.team} onClose={close} />}
    </Page>
  );
}

function Delete({ team: { id, name }, onClose }: { team: Team; onClose: () => void }) {
  return (
    <DeleteDialog name={name} path={`teams/${id}`} onClose={onClose}>
      {t('A team that still has keys is not deleted.')}
    </DeleteDialog>
  );
}
