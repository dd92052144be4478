import { useState } from 'preact/hooks';
import type { Key, Spent } from '../lib/answers.js';
import { call, withQuery } from '../lib/api.js';
import { flagsOf } from '../lib/command-text.js';
import { age, compact, day } from '../lib/format.js';
import { useLoad } from '../lib/load.js';
import { leaveForm, linkTo, route } from '../lib/route.js';
import { mayChangeKeys, mayChangeRules, role } from '../lib/session.js';
import { useTask } from '../lib/task.js';
import { t } from '../lib/words.js';
import { Confirm, Dialog } from '../parts/dialog.js';
import { limitsText } from '../parts/fields/limit-fields.js';
import { SearchField } from '../parts/fields/search-field.js';
import { TeamFilter } from '../parts/fields/team-filter.js';
import { Pager } from '../parts/pager.js';
import { Page, Panel } from '../parts/panel.js';
import { RowAction } from '../parts/row-action.js';
import { Secret } from '../parts/secret.js';
import { Left } from '../parts/spent.js';
import { Empty, Loaded, State, Tag } from '../parts/state.js';
import { type Column, Cut, Table } from '../parts/table.js';
import { toast } from '../parts/toast.js';
import { BudgetForm } from './forms/budget-form.js';
import { KeyForm } from './forms/key-form.js';

const pageRows = 50;

type Shown = { kind: 'form'; key: Key | null } | { kind: 'rotate' | 'revoke' | 'budget'; key: Key };

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

interface KeyTableProps {
  keys: readonly Key[];
  /** Budgets of single keys; null while unknown. */
  budgets: readonly Spent[] | null;
  onShow: (shown: Shown) => void;
}

function KeyTable({ keys, budgets, onShow }: KeyTableProps) {
  const budget: Column<Key> = {
    title: t('Budget'),
    isNumber: true,
    value: (key) => {
      const own = budgets?.filter(({ applies_to }) => applies_to.key === key.name) ?? [];
      if (own.length > 0) return own.map((each) => <Left key={each.name} of={each} />);
      if (budgets === null || !mayChangeRules.value) return '–';
      return (
        <button
          type="button"
          class="quiet"
          aria-label={`${t('Give it a budget')}: ${key.name}`}
          onClick={() => onShow({ kind: 'budget', key })}
        >
          {t('Give it a budget')}
        </button>
      );
    },
  };
  return (
    <Table
      label={t('Keys')}
      rows={keys}
      keyOf={({ id }) => id}
      columns={[
        {
          title: t('Name'),
          value: ({ name, key_preview }) => (
            <>
              <Cut text={name}>
                <a href={linkTo('requests', '', { key: name })}>{name}</a>
              </Cut>
              <span class="muted mono">{key_preview}</span>
            </>
          ),
          sort: 'name',
        },
        { title: t('State'), value: (key) => <KeyState row={key} />, sort: 'is_enabled' },
        {
          title: t('Team'),
          value: ({ team }) => (team === null ? <span class="muted">–</span> : <Cut text={team} />),
          sort: 'team',
        },
        {
          title: t('Models'),
          value: ({ allowed_models: models }) => <Cut text={modelsOf(models)} />,
        },
        {
          title: t('Requests / s'),
          isNumber: true,
          value: ({ rate_limit, limits }) => (
            <>
              {rate_limit === null ? '∞' : compact(rate_limit)}
              {Object.keys(limits).length > 0 && (
                <div class="muted small">
                  <Cut text={limitsText(limits)} />
                </div>
              )}
            </>
          ),
          sort: 'rate_limit',
        },
        budget,
        {
          title: t('Expires'),
          value: ({ expires_at }) => (expires_at === null ? t('never') : day(expires_at)),
          sort: 'expires_at',
        },
        {
          title: t('Last used'),
          value: ({ last_used_at: at }) =>
            at === null ? t('never') : t('{age} ago', { age: age(at) }),
          sort: 'last_used_at',
        },
        {
          title: '',
          value: (key) =>
            mayChangeKeys.value && (
              <div class="row-actions">
                <RowAction
                  label={t('Rotate')}
                  of={key.name}
                  onClick={() => onShow({ kind: 'rotate', key })}
                />
                <RowAction
                  label={t(key.is_enabled ? 'Revoke' : 'Restore')}
                  of={key.name}
                  onClick={() => onShow({ kind: 'revoke', key })}
                />
                <RowAction
                  label={t('Edit')}
                  of={key.name}
                  onClick={() => onShow({ kind: 'form', key })}
                />
              </div>
            ),
        },
      ]}
    />
  );
}

function KeyState({ row }: { row: Key }) {
  const { is_enabled, expires_at, previous_expires_at: previous } = row;
  if (!is_enabled) return <State tone="plain">{t('Revoked')}</State>;
  if (expires_at !== null && Date.parse(expires_at) <= Date.now()) {
    return <State tone="bad">{t('Expired')}</State>;
  }
  return (
    <State tone="good">
      {t('Works')}
      {previous && Date.parse(previous) > Date.now() && (
        <Tag tone="warn">{t('old value for {age}', { age: age(previous) })}</Tag>
      )}
    </State>
  );
}

function modelsOf(models: readonly string[] | null): string {
  return models === null || models.includes('*') ? t('all') : models.join(', ');
}

function Rotate({ row, onClose }: { row: Key; onClose: () => void }) {
  const [hours, setHours] = useState('24');
  const [secret, setSecret] = useState<string | null>(null);
  const task = useTask();
  const rotate = () =>
    task.run(async () => {
      const body = { grace_secs: Math.round(Number(hours) * 3_600) };
      const path = `credentials/${row.id}/rotate?wait=active`;
      const { credential } = await call<{ credential: { key: string } }>(path, {
        method: 'POST',
        body,
      });
      setSecret(credential.key);
    });
  if (secret !== null) {
    return (
      <Dialog title={t('New value of {name}', { name: row.name })} onClose={onClose}>
        <Secret text={secret} onDone={onClose} />
      </Dialog>
    );
  }
  return (
    <Confirm
      title={t('Rotate {name}', { name: row.name })}
      confirm={t('Rotate')}
      isDangerous={false}
      isBusy={task.isBusy}
      error={task.error}
      onConfirm={() => void rotate()}
      onClose={onClose}
    >
      <div class="stack">
        <p>{t('Name, limits and usage stay. The present value keeps working for a while.')}</p>
        <label class="field">
          <span class="label">{t('Hours for which the present value works')}</span>
          <input
            type="number"
            min={0}
            max={8_760}
            value={hours}
            onInput={(event) => setHours(event.currentTarget.value)}
          />
        </label>
      </div>
    </Confirm>
  );
}

function Revoke({ row, onClose }: { row: Key; onClose: () => void }) {
  const task = useTask();
  const { id, name, is_enabled } = row;
  const revoke = async () => {
    const body = { is_enabled: !is_enabled };
    const path = `credentials/${id}?wait=active`;
    if (!(await task.run(() => call(path, { method: 'PUT', body })))) return;
    toast(t(is_enabled ? '{name} is revoked' : '{name} works again', { name }));
    onClose();
  };
  return (
    <Confirm
      title={t(is_enabled ? 'Revoke {name}' : 'Restore {name}', { name })}
      confirm={t(is_enabled ? 'Revoke' : 'Restore')}
      isDangerous={is_enabled}
      isBusy={task.isBusy}
      error={task.error}
      onConfirm={() => void revoke()}
      onClose={onClose}
    >
      {t(
        is_enabled
          ? 'Its next request is refused with 401. Its usage stays, and it can be restored.'
          : 'It works again with the same value.',
      )}
    </Confirm>
  );
}
