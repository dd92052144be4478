import { useEffect, useState } from 'preact/hooks';
import type { Plan, Version } from '../lib/answers.js';
import { type ApiError, ask, call, withQuery } from '../lib/api.js';
import { flagsOf } from '../lib/command-text.js';
import { dateTime } from '../lib/format.js';
import { useLoad } from '../lib/load.js';
import { usePlan } from '../lib/plan.js';
import { choiceOf, route, setQuery } from '../lib/route.js';
import type { Schema } from '../lib/schema.js';
import { mayChangeProviders } from '../lib/session.js';
import { useTask } from '../lib/task.js';
import { t } from '../lib/words.js';
import { Choices } from '../parts/choices.js';
import { Dialog } from '../parts/dialog.js';
import { Effect } from '../parts/effect.js';
import { Check, TextField } from '../parts/fields/field.js';
import { Older } from '../parts/pager.js';
import { Page, Panel } from '../parts/panel.js';
import { RowAction } from '../parts/row-action.js';
import { Failure, Loaded, Skeleton } from '../parts/state.js';
import { Cut, Table, timeTitle } from '../parts/table.js';
import { toast } from '../parts/toast.js';
import { YamlEditor } from '../parts/yaml-editor.js';

/** Sections with more rows are better edited in the user's own editor. */
const maxRows = 1_000;

/** The sections of the document, with their names. */
const allSections = [
  ['providers', 'Providers'],
  ['teams', 'Teams'],
  ['credentials', 'Keys'],
  ['prices', 'Prices'],
  ['budgets', 'Budgets'],
  ['stops', 'Stops'],
  ['guardrails', 'Guardrails'],
  ['mirrors', 'Mirrors'],
  ['canaries', 'Canaries'],
] as const;

type SectionName = (typeof allSections)[number][0] | 'all';

const sectionNames: readonly SectionName[] = ['all', ...allSections.map(([name]) => name)];

/** Providers, keys and teams as one document: edit, plan, apply; and every version before. */
export function Configuration() {
  const view = choiceOf('view', ['edit', 'history'], 'edit');
  const section = choiceOf('section', sectionNames, 'all');
  const sections = section === 'all' ? null : section;
  return (
    <Page
      title={t('Configuration')}
      command={
        view === 'edit'
          ? {
              cli: `llmproxy config export${flagsOf({ sections })} > llmproxy.yaml\nllmproxy config plan llmproxy.yaml\nllmproxy config apply llmproxy.yaml`,
              path: withQuery('config/export', { sections }),
            }
          : { cli: 'llmproxy config history', path: 'config/history' }
      }
      actions={
        <Choices
          label={t('View')}
          value={view}
          of={[
            ['edit', 'Edit'],
            ['history', 'History'],
          ]}
          onChange={(value) => setQuery({ view: value })}
        />
      }
    >
      {view === 'edit' ? <Edit /> : <History />}
    </Page>
  );
}

function Edit() {
  const section = choiceOf('section', sectionNames, 'all');
  const [text, setText] = useState<string | null>(null);
  const [unchanged, setUnchanged] = useState<string | null>(null);
  const [isTooLarge, setTooLarge] = useState(false);
  const [prune, setPrune] = useState(false);
  const schema = useLoad<Schema>('config/schema');
  const loading = useTask();
  const body = { document: text ?? '', prune };
  const planning = usePlan(body);
  /** @param applied the applied text: changes written since then stay. */
  const load = (applied?: string) =>
    loading.run(async () => {
      planning.clear();
      const isLarge = await hasMany(section);
      const path = section === 'all' ? 'config/export' : `config/export?sections=${section}`;
      const loaded = isLarge ? '' : await (await ask(path)).text();
      setTooLarge(isLarge);
      setUnchanged(loaded);
      setText((now) => (applied === undefined || now === applied ? loaded : now));
    });
  useEffect(() => void load(), [section]);
  const wrong = wrongLines(planning.error);
  return (
    <>
      {isTooLarge && (
        <div class="banner warn">
          {t(
            'This is too large to edit here: choose a section, or write only what shall change. The rest stays as it is.',
          )}
        </div>
      )}
      <Panel
        title={t('Document')}
        actions={
          <>
            <select
              aria-label={t('Section')}
              value={section}
              disabled={text !== unchanged}
              title={text === unchanged ? '' : t('Apply or discard your changes first')}
              onChange={({ currentTarget: { value } }) =>
                setQuery({ section: value === 'all' ? '' : value })
              }
            >
              <option value="all">{t('Every section')}</option>
              {allSections.map(([name, title]) => (
                <option key={name} value={name}>
                  {t(title)}
                </option>
              ))}
            </select>
            <button type="button" class="quiet" onClick={() => void load()}>
              {t('Discard changes')}
            </button>
          </>
        }
      >
        <div class="body stack">
          {loading.error && <Failure error={loading.error} retry={() => void load()} />}
          {text === null ? (
            !loading.error && <Skeleton lines={12} />
          ) : (
            <YamlEditor
              label={t('Document')}
              value={text}
              onInput={setText}
              schema={schema.data as Schema | null}
              wrong={wrong}
            />
          )}
          {planning.error && <Failure error={planning.error} />}
          <div class="line">
            <Check
              label={t('Also delete what is not in the document')}
              isChecked={prune}
              onChange={setPrune}
            />
          </div>
          <div class="line end">
            <span class="muted small">
              {t('Ctrl+Space completes names. Secrets shown as keep stay as they are.')}
            </span>
            <button
              type="button"
              class="primary"
              disabled={text === null || planning.isBusy}
              onClick={() => void planning.make()}
            >
              {t('Plan')}
            </button>
          </div>
        </div>
      </Panel>
      {planning.isBusy && (
        <Panel>
          <Skeleton lines={3} />
        </Panel>
      )}
      {planning.plan && (
        <Apply
          plan={planning.plan}
          body={body}
          onDone={() => void load(body.document)}
          onReplan={() => void planning.make()}
        />
      )}
    </>
  );
}

/** True if a section has too many rows to be edited here. */
async function hasMany(section: SectionName): Promise<boolean> {
  const names = allSections
    .map(([name]) => name)
    .filter((name) => section === 'all' || name === section);
  const rest = await Promise.all(
    names.map((name) => call<Record<string, unknown[]>>(`${name}?limit=1&offset=${maxRows}`)),
  );
  return rest.some((answer, place) => (answer[names[place] ?? '']?.length ?? 0) > 0);
}

/** The lines that the server's error names. */
function wrongLines(error: ApiError | null): ReadonlyMap<number, string> {
  const found = error?.message.matchAll(/line (\d+), column \d+: ([^;]*)/g) ?? [];
  return new Map([...found].map(([, line, reason = '']) => [Number(line), reason]));
}

interface ApplyProps {
  plan: Plan;
  body: object;
  onDone: () => void;
  onReplan: () => void;
}

/** A plan, and the button that applies it, unless something else has changed since. */
function Apply({ plan, body, onDone, onReplan }: ApplyProps) {
  const [message, setMessage] = useState('');
  const task = useTask();
  const apply = async () => {
    const asked = { ...body, base_version: plan.version, ...(message ? { message } : {}) };
    if (!(await task.run(() => call('config/apply?wait=active', { method: 'POST', body: asked }))))
      return;
    toast(t('Applied, and in use by every worker'));
    onDone();
  };
  const isConflict = task.error?.status === 409;
  return (
    <Panel title={t('What changes')}>
      <div class="body stack">
        <Effect plan={plan} />
        {task.error && <Failure error={task.error} />}
        {isConflict && (
          <div class="line">
            <button type="button" onClick={onReplan}>
              {t('Plan again on the present version')}
            </button>
          </div>
        )}
        {plan.changes.length > 0 && mayChangeProviders.value && (
          <>
            <TextField
              label={t('Reason')}
              value={message}
              onInput={setMessage}
              hint={t('For the history')}
            />
            <div class="line end">
              <button
                type="button"
                class="primary"
                disabled={task.isBusy || isConflict}
                onClick={() => void apply()}
              >
                {t('Apply')}
              </button>
            </div>
          </>
        )}
      </div>
    </Panel>
  );
}

const pageRows = 100;

function History() {
  const before = route.value.query.get('before');
  const list = useLoad<{ versions: Version[] }>(
    withQuery('config/history', { limit: pageRows + 1, before }),
  );
  const [shown, setShown] = useState<number | null>(null);
  return (
    <Panel>
      <Loaded of={list} lines={10}>
        {({ versions }) => (
          <>
            <Table
              label={t('History')}
              rows={versions.slice(0, pageRows)}
              keyOf={({ version }) => version}
              columns={[
                { title: t('Version'), isNumber: true, value: ({ version }) => version },
                { title: timeTitle(t('Time')), value: ({ at }) => dateTime(at) },
                { title: t('Who'), value: ({ actor }) => <Cut text={actor} /> },
                { title: t('How'), value: ({ source }) => source },
                {
                  title: t('Changes'),
                  value: (version) => <Cut isWide text={changesOf(version)} />,
                },
                { title: t('Reason'), value: ({ message }) => <Cut text={message ?? ''} /> },
                {
                  title: '',
                  value: ({ version }) => (
                    <RowAction
                      label={t('Compare')}
                      of={version}
                      onClick={() => setShown(version)}
                    />
                  ),
                },
              ]}
            />
            <Older
              next={versions.length > pageRows ? (versions[pageRows - 1]?.version ?? null) : null}
            />
          </>
        )}
      </Loaded>
      {shown !== null && (
        <Compare
          version={shown}
          onClose={() => {
            setShown(null);
            list.reload();
          }}
        />
      )}
    </Panel>
  );
}

function changesOf({ changes, changes_count: count }: Version): string {
  const told = changes
    .slice(0, 3)
    .map(({ action, kind, name }) => `${t(action)} ${t(kind)} ${name}`);
  const more = count > told.length ? [t('and {count} more', { count: count - told.length })] : [];
  return [...told, ...more].join(', ');
}

interface CompareProps {
  version: number;
  onClose: () => void;
}

/** Compares a version with the current one, and can roll back to it. */
function Compare({ version, onClose }: CompareProps) {
  const planning = usePlan({ version });
  const task = useTask();
  const { plan, error } = planning;
  useEffect(() => void planning.make(), [version]);
  const rollBack = async () => {
    const body = { version, base_version: plan?.version };
    const isDone = await task.run(() =>
      call('config/rollback?wait=active', { method: 'POST', body }),
    );
    if (!isDone) {
      await planning.make();
      return;
    }
    toast(t('Back to version {version}', { version }));
    onClose();
  };
  return (
    <Dialog
      title={t('Version {version}, against the present one', { version })}
      onClose={onClose}
      isWide
    >
      <div class="stack">
        {error && <Failure error={error} />}
        {planning.isBusy && <Skeleton />}
        {plan && <Effect plan={plan} />}
        {task.error && <Failure error={task.error} />}
        {mayChangeProviders.value && plan && plan.changes.length > 0 && (
          <div class="line end">
            <span class="muted small">
              {t('Rolling back makes these changes, as a new version.')}
            </span>
            <button
              type="button"
              class="primary"
              disabled={task.isBusy || planning.isBusy}
              onClick={() => void rollBack()}
            >
              {t('Roll back to version {version}', { version })}
            </button>
          </div>
        )}
      </div>
    </Dialog>
  );
}
