import { useState } from 'preact/hooks';
import { t } from '../lib/words.js';
import { Choices } from './choices.js';
import { CopyButton } from './copy.js';
import { Dialog } from './dialog.js';

/** The same action outside the console. */
export interface CommandText {
  /** With `llmproxy`; null where the command line has no such command. */
  cli: string | null;
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below `/admin/v1/`; null where the API is not used. */
  path: string | null;
  body?: object;
}

/** Flags of the command line; those without a value are left out. */
export function flagsOf(
  values: Readonly<Record<string, string | number | null | undefined>>,
): string {
  return Object.entries(values)
    .filter(([, value]) => value)
    .map(
      ([name, value]) =>
        ` --${name} ${/^[\w.:-]+$/.test(`${value}`) ? value : JSON.stringify(value)}`,
    )
    .join('');
}

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
  const text = kind === 'cli' && command.cli !== null ? command.cli : curl(command);
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

function curl({ method = 'GET', path, body }: CommandText): string {
  const url = `${new URL('.', location.href.split('#')[0]).href}admin/v1/${path}`;
  const lines = [`curl ${method === 'GET' ? '' : `-X ${method} `}'${url}'`];
  lines.push('  -H "Authorization: Bearer $ADMIN_KEY"');
  if (body) {
    lines.push('  -H "Content-Type: application/json"');
    lines.push(`  -d '${JSON.stringify(body).replaceAll("'", "'\\''")}'`);
  }
  return lines.join(' \\\n');
}
