import { useEffect, useState } from 'preact/hooks';
import { type ApiError, ask, call } from '../../lib/api.js';
import { useLoad } from '../../lib/load.js';
import { usePlan } from '../../lib/plan.js';
import { choiceOf, setQuery } from '../../lib/route.js';
import type { Schema } from '../../lib/schema.js';
import { useTask } from '../../lib/task.js';
import { t } from '../../lib/words.js';
import { Check } from '../../parts/fields/field.js';
import { Panel } from '../../parts/panel.js';
import { Failure, Skeleton } from '../../parts/state.js';
import { YamlEditor } from '../../parts/yaml-editor.js';
import { Apply } from './apply.js';

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

/** Names for the address of the page. */
export const sectionNames: readonly SectionName[] = ['all', ...allSections.map(([name]) => name)];

/** The document or one of its sections, and what its changes would do. */
export function Edit() {
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
