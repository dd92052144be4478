import { useState } from 'preact/hooks';
import type { Team } from '../lib/answers.js';
import { withQuery } from '../lib/api.js';
import { compact } from '../lib/format.js';
import { useLoad } from '../lib/load.js';
import { linkTo, route, setQuery } from '../lib/route.js';
import { mayChangeKeys } from '../lib/session.js';
import { t } from '../lib/words.js';
import { cacheText } from '../parts/cache-fields.js';
import { DeleteDialog } from '../parts/delete-dialog.js';
import { limits } from '../parts/limit-fields.js';
import { Pager } from '../parts/pager.js';
import { Page, Panel } from '../parts/panel.js';
import { Empty, Loaded } from '../parts/state.js';
import { Cut, Table } from '../parts/table.js';
import { TeamForm } from './team-form.js';

const pageRows = 50;

type Shown = { kind: 'form'; team: Team | null } | { kind: 'delete'; team: Team };

/** Teams: keys with common models and limits. */
export function Teams() {
  const { query } = route.value;
  const search = query.get('search') ?? '';
  const offset = Number(query.get('from') ?? 0);
  const path = withQuery('teams', { search, limit: pageRows + 1, offset });
  const list = useLoad<{ teams: Team[] }>(path);
  const [shown, setShown] = useState<Shown | null>(null);
  const close = () => {
    setShown(null);
    list.reload();
  };
  const add = mayChangeKeys.value && (
    <button type="button" class="primary" onClick={() => setShown({ kind: 'form', team: null })}>
      {t('Create a team')}
    </button>
  );
  return (
    <Page title={t('Teams')} command={{ cli: 'llmproxy teams list', path }} actions={add}>
      <div class="filters">
        <input
          type="search"
          aria-label={t('Search by name')}
          placeholder={t('Search by name')}
          value={search}
          onInput={(event) => setQuery({ search: event.currentTarget.value, from: '' })}
        />
      </div>
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
                    ...limits.map(([name, title]) => ({
                      title: t(title),
                      isNumber: true,
                      value: (team: Team) => {
                        const amount = team.limits[name];
                        return amount === undefined ? '∞' : compact(amount);
                      },
                    })),
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
                          <a class="button" href={linkTo('requests', '', { team: team.name })}>
                            {t('Requests')}
                          </a>
                          {mayChangeKeys.value &&
                            (['delete', 'form'] as const).map((kind) => (
                              <button
                                type="button"
                                class="quiet"
                                key={kind}
                                aria-label={`${t(kind === 'form' ? 'Edit' : 'Delete')}: ${team.name}`}
                                onClick={() => setShown({ kind, team })}
                              >
                                {t(kind === 'form' ? 'Edit' : 'Delete')}
                              </button>
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
      {shown?.kind === 'form' && <TeamForm team={shown.team} onClose={close} />}
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
