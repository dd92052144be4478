import type { Key, Spent } from '../../lib/answers.js';
import { age, compact, day } from '../../lib/format.js';
import { linkTo } from '../../lib/route.js';
import { mayChangeKeys, mayChangeRules } from '../../lib/session.js';
import { t } from '../../lib/words.js';
import { limitsText } from '../../parts/fields/limit-fields.js';
import { RowAction } from '../../parts/row-action.js';
import { Left } from '../../parts/spent.js';
import { State, Tag } from '../../parts/state.js';
import { type Column, Cut, Table } from '../../parts/table.js';

/** The dialog that is open on the page. */
export type Shown =
  | { kind: 'form'; key: Key | null }
  | { kind: 'rotate' | 'revoke' | 'budget'; key: Key };

interface KeyTableProps {
  keys: readonly Key[];
  /** Budgets of single keys; null while unknown. */
  budgets: readonly Spent[] | null;
  onShow: (shown: Shown) => void;
}

/** Keys, and what of their budgets is left. */
export function KeyTable({ keys, budgets, onShow }: KeyTableProps) {
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
