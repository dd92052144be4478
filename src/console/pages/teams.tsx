import { useState } from 'preact/hooks';
import type { Team } from '../lib/answers.js';
import { call } from '../lib/api.js';
import { compact } from '../lib/format.js';
import { useLoad } from '../lib/load.js';
import { linkTo } from '../lib/route.js';
import { mayChangeKeys } from '../lib/session.js';
import { useTask } from '../lib/task.js';
import { t } from '../lib/words.js';
import { DeleteDialog } from '../parts/delete-dialog.js';
import { Dialog } from '../parts/dialog.js';
import { TextField } from '../parts/field.js';
import { Page, Panel } from '../parts/panel.js';
import { Empty, Failure, Loaded } from '../parts/state.js';
import { Cut, Table } from '../parts/table.js';
import { toast } from '../parts/toast.js';

/** The limits of the form, in its order. */
const limits = [
  ['requests_per_minute', 'Requests per minute'],
  ['tokens_per_minute', 'Tokens per minute'],
  ['tokens_per_day', 'Tokens per day'],
  ['max_concurrency', 'Requests at once'],
] as const;

type Shown = { kind: 'form'; team: Team | null } | { kind: 'delete'; team: Team };

/** Teams: keys that have models and limits in common. */
export function Teams() {
  const list = useLoad<{ teams: Team[] }>('teams');
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
    <Page title={t('Teams')} command={{ cli: 'llmproxy teams list', path: 'teams' }} actions={add}>
      <Panel>
        <Loaded of={list}>
          {({ teams }) =>
            teams.length === 0 ? (
              <Empty title={t('No teams yet')} actions={add}>
                {t('Keys of one team share its limits, and usage is summed by team.')}
              </Empty>
            ) : (
              <Table
                label={t('Teams')}
                rows={teams}
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
            )
          }
        </Loaded>
      </Panel>
      {shown?.kind === 'form' && <TeamForm team={shown.team} onClose={close} />}
      {shown?.kind === 'delete' && <Delete team={shown.team} onClose={close} />}
    </Page>
  );
}

function TeamForm({ team, onClose }: { team: Team | null; onClose: () => void }) {
  const [fields, setFields] = useState({
    name: team?.name ?? '',
    models: (team?.allowed_models ?? ['*']).join('\n'),
    tags: team?.tags.join(', ') ?? '',
    admins: team?.admins.join(', ') ?? '',
  });
  const [amounts, setAmounts] = useState<Readonly<Record<string, string>>>(
    Object.fromEntries(limits.map(([name]) => [name, String(team?.limits[name] ?? '')])),
  );
  const task = useTask();
  const set = (changes: Partial<typeof fields>) => setFields({ ...fields, ...changes });
  const save = async (event: Event) => {
    event.preventDefault();
    const words = (text: string) =>
      text
        .split(/[\n,]+/)
        .map((word) => word.trim())
        .filter(Boolean);
    const given = limits.filter(([name]) => amounts[name] !== '');
    const others = Object.entries(team?.limits ?? {}).filter(([name]) => !(name in amounts));
    const body = {
      name: fields.name,
      allowed_models: words(fields.models),
      limits: Object.fromEntries([
        ...others,
        ...given.map(([name]) => [name, Number(amounts[name])] as const),
      ]),
      tags: words(fields.tags),
      admins: words(fields.admins),
    };
    const path = team ? `teams/${team.id}` : 'teams';
    const method = team ? 'PUT' : 'POST';
    if (!(await task.run(() => call(`${path}?wait=active`, { method, body })))) return;
    toast(t('{name} is saved and in use', { name: fields.name }));
    onClose();
  };
  const wrong = task.error?.param === 'name' ? task.error.message : null;
  return (
    <Dialog
      title={team ? t('Edit {name}', { name: team.name }) : t('Create a team')}
      onClose={onClose}
    >
      <form class="stack" onSubmit={save}>
        <TextField
          label={t('Name')}
          value={fields.name}
          onInput={(name) => set({ name })}
          wrong={wrong}
          isRequired
        />
        <TextField
          label={t('Models')}
          value={fields.models}
          onInput={(models) => set({ models })}
          rows={2}
          hint={t('One a line; * stands for any characters.')}
        />
        <div class="grid narrow">
          {limits.map(([name, title]) => (
            <TextField
              key={name}
              label={t(title)}
              type="number"
              value={amounts[name] ?? ''}
              onInput={(value) => setAmounts({ ...amounts, [name]: value })}
              hint={t('Empty is unlimited.')}
            />
          ))}
        </div>
        <TextField label={t('Tags')} value={fields.tags} onInput={(tags) => set({ tags })} />
        <TextField
          label={t('Who answers for it')}
          value={fields.admins}
          onInput={(admins) => set({ admins })}
        />
        {task.error && wrong === null && <Failure error={task.error} />}
        <div class="line end">
          <button type="button" onClick={onClose}>
            {t('Cancel')}
          </button>
          <button type="submit" class="primary" disabled={task.isBusy}>
            {t('Save')}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Delete({ team: { id, name }, onClose }: { team: Team; onClose: () => void }) {
  return (
    <DeleteDialog name={name} path={`teams/${id}`} onClose={onClose}>
      {t('A team that still has keys is not deleted.')}
    </DeleteDialog>
  );
}
