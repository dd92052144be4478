import { useState } from 'preact/hooks';
import type { Cache, Team, Usage } from '../lib/answers.js';
import { call, withQuery } from '../lib/api.js';
import { bytes, compact, percent } from '../lib/format.js';
import { useLoad } from '../lib/load.js';
import { linkTo, route } from '../lib/route.js';
import { mayChangeKeys, mayChangeProviders } from '../lib/session.js';
import { useTask } from '../lib/task.js';
import { t } from '../lib/words.js';
import { Confirm } from '../parts/dialog.js';
import { cacheText } from '../parts/fields/cache-fields.js';
import { TextField } from '../parts/fields/field.js';
import { Pager } from '../parts/pager.js';
import { Page, Panel, Stat } from '../parts/panel.js';
import { cost } from '../parts/request-table.js';
import { RowAction } from '../parts/row-action.js';
import { Empty, Loaded } from '../parts/state.js';
import { Cut, numbers, Table } from '../parts/table.js';
import { toast } from '../parts/toast.js';
import { TeamForm } from './forms/team-form.js';

/** Cached answers: their savings, owners and removal. */
export function CachePage() {
  const cache = useLoad<Cache>('cache', 3_000);
  const [isPurging, setPurging] = useState(false);
  return (
    <Page
      title={t('Cache')}
      command={{ cli: 'llmproxy cache status', path: 'cache' }}
      actions={
        mayChangeProviders.value && (
          <button type="button" onClick={() => setPurging(true)}>
            {t('Forget answers')}
          </button>
        )
      }
    >
      <Panel isStale={cache.error !== null}>
        <Loaded of={cache} lines={2}>
          {(now) => <Numbers now={now} />}
        </Loaded>
      </Panel>
      <Saved />
      <Rules />
      {isPurging && (
        <Purge
          onClose={() => {
            setPurging(false);
            cache.reload();
          }}
        />
      )}
    </Page>
  );
}

function Numbers({ now: { total, workers, shared, max_bytes } }: { now: Cache }) {
  const looked = total.hits + total.misses;
  const held = total.bytes + (shared?.bytes ?? 0);
  const most = max_bytes * (workers.length + (shared ? 1 : 0));
  return (
    <>
      <div class="stats inner">
        <Stat
          label={t('Hits')}
          value={compact(total.hits)}
          {...(looked > 0 ? { unit: percent(total.hits / looked) } : {})}
        />
        <Stat label={t('Misses')} value={compact(total.misses)} />
        <Stat label={t('Bypassed')} value={compact(total.bypassed)} />
        <Stat label={t('Answers')} value={compact(total.answers)} />
        <Stat label={t('Memory')} value={bytes(held)} unit={`/ ${bytes(most)}`} />
        <Stat label={t('Gave way to others')} value={compact(total.evicted)} />
      </div>
      <p class="body muted small">{t('Of this machine, since its workers started.')}</p>
    </>
  );
}

/** Keys that got cached answers. */
function Saved() {
  const path = withQuery('usage', { by: 'key', since: '7d', sort: '-cache_hits', limit: 200 });
  const usage = useLoad<Usage>(path);
  return (
    <Panel title={t('Saved in the last 7 days')}>
      <Loaded of={usage}>
        {({ usage: sums, total }) => {
          const rows = sums
            .filter(({ cache_hits }) => cache_hits > 0)
            .sort((a, b) => b.saved_nano - a.saved_nano || b.cache_hits - a.cache_hits);
          if (rows.length === 0) {
            return (
              <Empty title={t('No cached answer was given')}>
                {t('Answers are cached for the keys and teams whose rules say so.')}
              </Empty>
            );
          }
          return (
            <Table
              label={t('Saved in the last 7 days')}
              rows={rows}
              keyOf={({ group, credential_id }) => `${group} ${credential_id}`}
              orderName="saved"
              columns={[
                {
                  title: t('Key'),
                  value: ({ group }) => (
                    <Cut text={group ?? ''}>
                      <a href={linkTo('requests', '', { key: group, since: '7d' })}>{group}</a>
                    </Cut>
                  ),
                  sort: 'key',
                  by: ({ group }) => group,
                },
                numbers(t('Requests'), 'requests', compact),
                numbers(t('Hits'), 'cache_hits', compact),
                {
                  title: t('Share'),
                  isNumber: true,
                  value: (row) => percent(row.cache_hits / row.requests),
                  sort: 'share',
                  by: (row) => row.cache_hits / row.requests,
                },
                numbers(t('Saved'), 'saved_nano', cost),
                numbers(t('Cost'), 'cost_nano', cost),
              ]}
              total={[
                t('Total'),
                compact(total.requests),
                compact(total.cache_hits),
                percent(total.cache_hits / total.requests),
                cost(total.saved_nano),
                cost(total.cost_nano),
              ]}
            />
          );
        }}
      </Loaded>
    </Panel>
  );
}

const pageRows = 20;

/** Rules of teams; those of keys are in the key's form. */
function Rules() {
  const { query } = route.value;
  const offset = Number(query.get('from') ?? 0);
  const sort = query.get('sort') ?? 'cache';
  const teams = useLoad<{ teams: Team[] }>(
    withQuery('teams', { sort, limit: pageRows + 1, offset }),
  );
  const [edited, setEdited] = useState<Team | null>(null);
  return (
    <Panel title={t('Rules of teams')} actions={<a href={linkTo('keys')}>{t('Rules of keys')}</a>}>
      <Loaded of={teams}>
        {({ teams: rows }) =>
          rows.length === 0 ? (
            <Empty
              title={t('No teams yet')}
              actions={
                mayChangeKeys.value && (
                  <a class="button" href={linkTo('teams', '', { add: 'yes' })}>
                    {t('Create a team')}
                  </a>
                )
              }
            >
              {t('A key’s rules are in its form: they win over those of its team.')}
            </Empty>
          ) : (
            <>
              <Table
                label={t('Rules of teams')}
                rows={rows.slice(0, pageRows)}
                keyOf={({ id }) => id}
                columns={[
                  { title: t('Team'), value: ({ name }) => <Cut text={name} />, sort: 'name' },
                  {
                    title: t('Cache'),
                    value: (team) => <Cut isWide text={cacheText(team.cache, t('off'))} />,
                    sort: 'cache',
                  },
                  {
                    title: '',
                    value: (team) =>
                      mayChangeKeys.value && (
                        <div class="row-actions">
                          <RowAction
                            label={t('Edit')}
                            of={team.name}
                            onClick={() => setEdited(team)}
                          />
                        </div>
                      ),
                  },
                ]}
              />
              <Pager
                offset={offset}
                count={Math.min(pageRows, rows.length)}
                pageRows={pageRows}
                hasNext={rows.length > pageRows}
              />
            </>
          )
        }
      </Loaded>
      {edited && (
        <TeamForm
          team={edited}
          onClose={() => {
            setEdited(null);
            teams.reload();
          }}
        />
      )}
    </Panel>
  );
}

const selectors = [
  ['key', 'Key'],
  ['team', 'Team'],
  ['model', 'Model'],
] as const;

/** Asks before answers are forgotten: all, or those of a key, team or model. */
function Purge({ onClose }: { onClose: () => void }) {
  const [names, setNames] = useState({ key: '', team: '', model: '' });
  const task = useTask();
  const body = Object.fromEntries(Object.entries(names).filter(([, name]) => name !== ''));
  const purge = async () => {
    const path = 'cache/purge?wait=active';
    if (!(await task.run(() => call(path, { method: 'POST', body })))) return;
    toast(t('The answers are forgotten'));
    onClose();
  };
  return (
    <Confirm
      title={t('Forget answers')}
      confirm={t(Object.keys(body).length === 0 ? 'Forget all' : 'Forget these')}
      isBusy={task.isBusy}
      error={task.error}
      onConfirm={() => void purge()}
      onClose={onClose}
    >
      <div class="stack">
        <p>
          {t(
            'On every worker and machine. The next requests ask the provider again. Of several names all must match; none is all answers.',
          )}
        </p>
        {selectors.map(([name, title]) => (
          <TextField
            key={name}
            label={t(title)}
            value={names[name]}
            onInput={(text) => setNames({ ...names, [name]: text })}
          />
        ))}
      </div>
    </Confirm>
  );
}
