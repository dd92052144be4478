import { withQuery } from '../lib/api.js';
import { flagsOf } from '../lib/command-text.js';
import { choiceOf, setQuery } from '../lib/route.js';
import { t } from '../lib/words.js';
import { Choices } from '../parts/choices.js';
import { Page } from '../parts/panel.js';
import { Edit, sectionNames } from './configuration/edit.js';
import { History } from './configuration/history.js';

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
