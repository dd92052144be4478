import type { Plan } from '../lib/answers.js';
import { percent } from '../lib/format.js';
import { t } from '../lib/words.js';
import { State, Tag, type Tone } from './state.js';
import { Table } from './table.js';

type Share = Plan['effect']['models'][number]['before'][number];

const actionTones = { create: 'good', update: 'plain', delete: 'bad' } as const;

/** The changes of a plan, and the models and keys that they affect. */
export function Effect({ plan }: { plan: Plan }) {
  const { changes, effect } = plan;
  if (changes.length === 0) return <p class="muted">{t('Nothing changes.')}</p>;
  return (
    <div class="stack">
      <ul class="notices">
        {changes.slice(0, 100).map(({ kind, action, name, fields }) => (
          <li key={`${kind} ${name}`}>
            <Tag tone={actionTones[action]}>{t(action)}</Tag>
            <span>
              {t(kind)} <b>{name}</b>
              {action === 'update' && (
                <span class="muted small">
                  {' '}
                  {fields
                    .map(({ path, before, after }) => `${path}: ${shown(before)} → ${shown(after)}`)
                    .join(', ')}
                </span>
              )}
            </span>
          </li>
        ))}
        {changes.length > 100 && <li>{t('and {count} more', { count: changes.length - 100 })}</li>}
      </ul>
      <Consequences effect={effect} />
    </div>
  );
}

/** The effect of a plan on keys and models. */
export function Consequences({ effect }: Pick<Plan, 'effect'>) {
  return (
    <>
      {effect.stranded.length > 0 && (
        <State tone="bad">
          {t('Left without any model: {keys}', { keys: effect.stranded.slice(0, 20).join(', ') })}
        </State>
      )}
      {effect.unusable.length > 0 && (
        <State tone="bad">
          {t('Their secrets cannot be used here: {names}', { names: effect.unusable.join(', ') })}
        </State>
      )}
      {effect.models.length > 0 && (
        <Table
          label={t('Traffic by model')}
          rows={effect.models.slice(0, 50)}
          keyOf={({ model }) => model ?? ''}
          columns={[
            { title: t('Model'), value: ({ model }) => model ?? t('every other model') },
            { title: t('Before'), value: ({ before }) => shares(before) },
            {
              title: t('After'),
              value: ({ after, unserved }) =>
                unserved ? <Tag tone="bad">{t('not served')}</Tag> : shares(after),
            },
          ]}
        />
      )}
      {effect.keys.length > 0 && (
        <Table
          label={t('Keys')}
          rows={effect.keys.slice(0, 50)}
          keyOf={({ name }) => name}
          columns={[
            { title: t('Key'), value: ({ name }) => name },
            {
              title: t('Effect'),
              value: (key) => <State tone={keyTones[key.effect]}>{t(key.effect)}</State>,
            },
            { title: t('Reason'), value: ({ reasons }) => reasons.join(', ') },
          ]}
        />
      )}
    </>
  );
}

const keyTones: Readonly<Record<Plan['effect']['keys'][number]['effect'], Tone>> = {
  works: 'good',
  stops: 'bad',
  changes: 'warn',
};

function shares(all: readonly Share[]): string {
  return all.map(({ provider, share }) => `${provider} ${percent(share)}`).join(', ') || '–';
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '–');
}
