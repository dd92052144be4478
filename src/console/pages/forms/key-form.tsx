import { useState } from 'preact/hooks';
import type { Key } from '../../lib/answers.js';
import { call } from '../../lib/api.js';
import { role } from '../../lib/session.js';
import { useTask } from '../../lib/task.js';
import { wordsIn } from '../../lib/word-list.js';
import { t } from '../../lib/words.js';
import { Dialog } from '../../parts/dialog.js';
import { CacheFields } from '../../parts/fields/cache-fields.js';
import { Check, NameField, TextField } from '../../parts/fields/field.js';
import { FormActions } from '../../parts/fields/form-actions.js';
import { LimitFields } from '../../parts/fields/limit-fields.js';
import { Secret } from '../../parts/secret.js';
import { toast } from '../../parts/toast.js';

interface KeyFormProps {
  /** Null to create one. */
  row: Key | null;
  /** Team of a new key, where one is chosen already. */
  team?: string;
  /** A new one exists, and the dialog shows what is next. */
  onSaved: () => void;
  onClose: () => void;
}

/** Creates or edits a key. */
export function KeyForm({ row, team = '', onSaved, onClose }: KeyFormProps) {
  const [before] = useState({
    name: row?.name ?? '',
    models: (row?.allowed_models ?? ['*']).join('\n'),
    rate_limit: row?.rate_limit === null || !row ? '' : String(row.rate_limit),
    team: row ? (row.team ?? '') : team,
    expires_at: row?.expires_at?.slice(0, 10) ?? '',
    tags: row?.tags.join(', ') ?? '',
    store_bodies: row?.store_bodies ?? false,
    limits: row?.limits ?? {},
    cache: row?.cache ?? null,
  });
  const [fields, setFields] = useState(before);
  const [secret, setSecret] = useState<string | null>(null);
  const task = useTask();
  const set = (changes: Partial<typeof fields>) => setFields({ ...fields, ...changes });
  const wrong = (name: string) => (task.error?.param === name ? task.error.message : null);
  const isNew = (name: 'expires_at' | 'team') => fields[name] !== (row ? before[name] : '');
  const save = async (event: Event) => {
    event.preventDefault();
    const body = {
      name: fields.name,
      allowed_models: wordsIn(fields.models),
      rate_limit: fields.rate_limit === '' ? null : Number(fields.rate_limit),
      tags: wordsIn(fields.tags),
      store_bodies: fields.store_bodies,
      limits: fields.limits,
      cache: fields.cache,
      // The field shows the day only: unless it is changed, the time of day stays.
      ...(isNew('expires_at') ? { expires_at: fields.expires_at || null } : {}),
      ...(isNew('team') ? { team: fields.team || null } : {}),
    };
    await task.run(async () => {
      if (row) {
        await call(`credentials/${row.id}?wait=active`, { method: 'PUT', body });
        toast(t('{name} is saved and in use', { name: fields.name }));
        return onClose();
      }
      const path = 'credentials?wait=active';
      const { credential } = await call<{ credential: { key: string } }>(path, {
        method: 'POST',
        body,
      });
      setSecret(credential.key);
      onSaved();
    });
  };
  if (secret !== null) {
    return (
      <Dialog title={t('Key of {name}', { name: fields.name })} onClose={onClose}>
        <Secret text={secret} onDone={onClose} />
      </Dialog>
    );
  }
  const shown = ['name', 'team', 'allowed_models', 'rate_limit', 'expires_at'];
  return (
    <Dialog
      title={row ? t('Edit {name}', { name: row.name }) : t('Create a key')}
      onClose={onClose}
    >
      <form class="stack" onSubmit={save}>
        <TextField
          label={t('Name')}
          value={fields.name}
          onInput={(name) => set({ name })}
          wrong={wrong('name')}
          hint={t('Whom it is for')}
          isRequired
        />
        {role.value !== 'team' && (
          <NameField
            of="teams"
            label={t('Team')}
            value={fields.team}
            onInput={(team) => set({ team })}
            wrong={wrong('team')}
            hint={t('Its limits and budgets hold too.')}
          />
        )}
        <TextField
          label={t('Models')}
          value={fields.models}
          onInput={(models) => set({ models })}
          wrong={wrong('allowed_models')}
          rows={2}
          hint={t('One a line; * stands for any characters.')}
        />
        <div class="grid narrow">
          <TextField
            label={t('Requests per second')}
            type="number"
            value={fields.rate_limit}
            onInput={(rate_limit) => set({ rate_limit })}
            wrong={wrong('rate_limit')}
            hint={t('Empty is unlimited.')}
          />
          <TextField
            label={t('Expires')}
            type="date"
            value={fields.expires_at}
            onInput={(expires_at) => set({ expires_at })}
            wrong={wrong('expires_at')}
            hint={t('At the start of the day in UTC; empty is never.')}
          />
        </div>
        <details open={Object.keys(fields.limits).length > 0}>
          <summary>{t('Further limits')}</summary>
          <LimitFields value={fields.limits} onChange={(limits) => set({ limits })} />
        </details>
        <details open={fields.cache !== null}>
          <summary>{t('Cache')}</summary>
          <CacheFields
            value={fields.cache}
            none={t('As its team says')}
            onChange={(cache) => set({ cache })}
          />
        </details>
        <TextField
          label={t('Tags')}
          value={fields.tags}
          onInput={(tags) => set({ tags })}
          hint={t('Words to find it by, separated by commas.')}
        />
        <Check
          label={t('Store the bodies of its requests and answers')}
          isChecked={fields.store_bodies}
          onChange={(store_bodies) => set({ store_bodies })}
        />
        <FormActions
          task={task}
          submit={t(row ? 'Save' : 'Create')}
          fields={shown}
          onCancel={onClose}
        />
      </form>
    </Dialog>
  );
}
