import { keep } from '../lib/kept.js';
import { linkTo } from '../lib/route.js';
import { t } from '../lib/words.js';
import { CopyButton } from './copy.js';

/** The value of a client's key, which is shown only once. */
export function Secret({ text, onDone }: { text: string; onDone: () => void }) {
  const tryIt = () => {
    keep('playground.key', text);
    onDone();
    location.hash = linkTo('playground');
  };
  return (
    <div class="stack">
      <p>{t('Copy it now: only its hash is kept, and it cannot be shown again.')}</p>
      <div class="secret">
        <code>{text}</code>
        <CopyButton text={text} />
      </div>
      <div class="line end">
        <button type="button" onClick={tryIt}>
          {t('Try it in the playground')}
        </button>
        <button type="button" class="primary" onClick={onDone}>
          {t('Done')}
        </button>
      </div>
    </div>
  );
}
