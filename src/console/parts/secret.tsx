import { t } from '../lib/words.js';
import { CopyButton } from './copy.js';

/** A secret that is shown only once. */
export function Secret({ text, onDone }: { text: string; onDone: () => void }) {
  return (
    <div class="stack">
      <p>{t('Copy it now: only its hash is kept, and it cannot be shown again.')}</p>
      <div class="secret">
        <code>{text}</code>
        <CopyButton text={text} />
      </div>
      <div class="line end">
        <button type="button" class="primary" onClick={onDone}>
          {t('Done')}
        </button>
      </div>
    </div>
  );
}
