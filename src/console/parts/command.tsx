import { useState } from 'preact/hooks';
import { type CommandText, curlOf } from '../lib/command-text.js';
import { t } from '../lib/words.js';
import { Choices } from './choices.js';
import { CopyButton } from './copy.js';
import { Dialog } from './dialog.js';

/** Shows a view as a command. */
export function CommandButton({ command }: { command: CommandText }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button type="button" class="quiet" onClick={() => setOpen(true)}>
        <code aria-hidden="true">&gt;_</code> {t('As a command')}
      </button>
      {isOpen && <CommandDialog command={command} onClose={() => setOpen(false)} />}
    </>
  );
}

function CommandDialog({ command, onClose }: { command: CommandText; onClose: () => void }) {
  const [kind, setKind] = useState<'cli' | 'curl'>(command.cli === null ? 'curl' : 'cli');
  const text =
    kind === 'cli' && command.cli !== null ? command.cli : curlOf(command, location.href);
  return (
    <Dialog title={t('As a command')} onClose={onClose} isWide>
      <div class="stack">
        {command.cli !== null && command.path !== null && (
          <div>
            <Choices
              label={t('As a command')}
              value={kind}
              of={[
                ['cli', 'llmproxy'],
                ['curl', 'curl'],
              ]}
              onChange={setKind}
            />
          </div>
        )}
        <pre>{text}</pre>
        <div class="line end">
          <CopyButton text={text} />
        </div>
      </div>
    </Dialog>
  );
}
