import { useEffect, useState } from 'preact/hooks';
import type { Plan, Version } from '../lib/answers.js';
import { type ApiError, ask, call } from '../lib/api.js';
import { diffLines, folded } from '../lib/diff.js';
import { dateTime } from '../lib/format.js';
import { useLoad } from '../lib/load.js';
import { usePlan } from '../lib/plan.js';
import { route, setQuery } from '../lib/route.js';
import type { Schema } from '../lib/schema.js';
import { mayChangeProviders } from '../lib/session.js';
import { useTask } from '../lib/task.js';
import { t } from '../lib/words.js';
import { Choices } from '../parts/choices.js';
import { Dialog } from '../parts/dialog.js';
import { Effect } from '../parts/effect.js';
import { Check, TextField } from '../parts/field.js';
import { Page, Panel } from '../parts/panel.js';
import { RowAction } from '../parts/row-action.js';
import { Failure, Loaded, Skeleton } from '../parts/state.js';
import { Cut, Table, timeTitle } from '../parts/table.js';
import { toast } from '../parts/toast.js';
import { YamlEditor } from '../parts/yaml-editor.js';

/** Larger documents are better edited in the user's own editor. */
const maxBytes = 1_000_000;

/** Providers, keys and teams as one document: edit, plan, apply; and every version before. */
export function Configuration() {
  const view = route.value.query.get('view') === 'history' ? 'history' : 'edit';
  return (
    <Page
      title={t('Configuration')}
      command={
        view === 'edit'
          ? {
              cli: 'llmproxy config export > llmproxy.yaml\nllmproxy config plan llmproxy.yaml\nllmproxy config apply llmproxy.yaml',
              path: 'config/export',
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
  const [text, setText] = useState<string | null>(null);
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
      const document = await (await ask('config/export')).text();
      setTooLarge(document.length > maxBytes);
      const loaded = document.length > maxBytes ? '' : document;
      setText((now) => (applied === undefined || now === applied ? loaded : now));
    });
  useEffect(() => void load(), []);
  const wrong = wrongLines(planning.error);
  return (
    <>
      {isTooLarge && (
        <div class="banner warn">
          {t(
            'The whole document is too large to edit here. Write only what shall change: the rest stays as it is.',
          )}
        </div>
      )}
      <Panel
        title={t('Document')}
        actions={
          <button type="button" class="quiet" onClick={() => void load()}>
            {t('Discard changes')}
          </button>
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

function History() {
  const list = useLoad<{ versions: Version[] }>('config/history?limit=100');
  const [shown, setShown] = useState<number | null>(null);
  return (
    <Panel>
      <Loaded of={list} lines={10}>
        {({ versions }) => (
          <Table
            label={t('History')}
            rows={versions}
            keyOf={({ version }) => version}
            columns={[
              { title: t('Version'), isNumber: true, value: ({ version }) => version },
              { title: timeTitle(t('Time')), value: ({ at }) => dateTime(at) },
              { title: t('Who'), value: ({ actor }) => <Cut text={actor} /> },
              { title: t('How'), value: ({ source }) => source },
              { title: t('Changes'), value: (version) => <Cut isWide text={changesOf(version)} /> },
              { title: t('Reason'), value: ({ message }) => <Cut text={message ?? ''} /> },
              {
                title: '',
                value: ({ version }) => (
                  <RowAction label={t('Compare')} of={version} onClick={() => setShown(version)} />
                ),
              },
            ]}
          />
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
  const [shown, setShown] = useState<{ newest: number; lines: ReturnType<typeof folded> } | null>(
    null,
  );
  const loading = useTask();
  const task = useTask();
  const load = () =>
    loading.run(async () => {
      // The version first: where one comes between, rolling back is refused.
      const { versions } = await call<{ versions: Version[] }>('config/history?limit=1');
      const read = async (path: string) => (await ask(path)).text();
      const paths = ['config/export', `config/versions/${version}`] as const;
      const [now, then] = await Promise.all([read(paths[0]), read(paths[1])]);
      const newest = versions[0]?.version ?? version;
      setShown({ newest, lines: folded(diffLines(now, then)) });
    });
  useEffect(() => void load(), [version]);
  const rollBack = async () => {
    const body = { version, base_version: shown?.newest };
    const isDone = await task.run(() =>
      call('config/rollback?wait=active', { method: 'POST', body }),
    );
    if (!isDone) {
      await load();
      return;
    }
    toast(t('Back to version {version}', { version }));
    onClose();
  };
  const { lines = null, newest = version } = shown ?? {};
  return (
    <Dialog
      title={t('Version {version}, against the present one', { version })}
      onClose={onClose}
      isWide
    >
      <div class="stack">
        {loading.error && <Failure error={loading.error} />}
        {loading.isBusy && <Skeleton />}
        {lines?.length === 0 && <p class="muted">{t('Nothing differs.')}</p>}
        {lines && lines.length > 0 && (
          <pre class="diff">
            {lines.slice(0, 2_000).map((line, index) =>
              line === null ? (
                <div key={index} class="muted">
                  …
                </div>
              ) : (
                <div key={index} class={line.kind}>
                  {{ same: '  ', add: '+ ', remove: '− ' }[line.kind]}
                  {line.text}
                </div>
              ),
            )}
          </pre>
        )}
        {task.error && <Failure error={task.error} />}
        {mayChangeProviders.value && version !== newest && (
          <div class="line end">
            <span class="muted small">
              {t('This makes a new version; lines with + come back, lines with − go.')}
            </span>
            <button
              type="button"
              class="primary"
              disabled={task.isBusy || loading.isBusy}
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
