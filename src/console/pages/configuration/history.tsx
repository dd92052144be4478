import { useEffect, useState } from 'preact/hooks';
import type { Version } from '../../lib/answers.js';
import { call, withQuery } from '../../lib/api.js';
import { dateTime } from '../../lib/format.js';
import { useLoad } from '../../lib/load.js';
import { usePlan } from '../../lib/plan.js';
import { route } from '../../lib/route.js';
import { mayChangeProviders } from '../../lib/session.js';
import { useTask } from '../../lib/task.js';
import { t } from '../../lib/words.js';
import { Dialog } from '../../parts/dialog.js';
import { Effect } from '../../parts/effect.js';
import { Older } from '../../parts/pager.js';
import { Panel } from '../../parts/panel.js';
import { RowAction } from '../../parts/row-action.js';
import { Failure, Loaded, Skeleton } from '../../parts/state.js';
import { Cut, Table, timeTitle } from '../../parts/table.js';
import { toast } from '../../parts/toast.js';

const pageRows = 100;

/** Every version, the newest first. */
export function History() {
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
