import { route, setQuery } from '../lib/route.js';
import { t } from '../lib/words.js';

interface PagerProps {
  /** Rows before those of this page. */
  offset: number;
  /** Rows of this page. */
  count: number;
  pageRows: number;
  /** Rows on all pages; null if unknown. */
  total?: number | null;
  hasNext: boolean;
}

/** Steps through a long list, whose `from` is in the address; nothing for a single page. */
export function Pager({ offset, count, pageRows, total = null, hasNext }: PagerProps) {
  if (offset === 0 && !hasNext) return null;
  const [from, to] = [offset + Math.min(1, count), offset + count];
  return (
    <div class="more">
      <button
        type="button"
        disabled={offset === 0}
        onClick={() => setQuery({ from: Math.max(0, offset - pageRows) || '' })}
      >
        {t('Previous')}
      </button>
      <button
        type="button"
        disabled={!hasNext}
        onClick={() => setQuery({ from: offset + pageRows })}
      >
        {t('Next')}
      </button>
      <span class="muted small">
        {total === null ? `${from}–${to}` : t('{from}–{to} of {all}', { from, to, all: total })}
      </span>
    </div>
  );
}

/**
 * Steps through a list with the newest first, whose `before` is in the address; nothing for a single page.
 * @param next the last entry of this page; null if there are no older ones.
 */
export function Older({ next }: { next: number | null }) {
  const isFirst = !route.value.query.has('before');
  if (isFirst && next === null) return null;
  return (
    <div class="more">
      <button type="button" disabled={isFirst} onClick={() => setQuery({ before: '' })}>
        {t('Newest')}
      </button>
      <button type="button" disabled={next === null} onClick={() => setQuery({ before: next })}>
        {t('Older')}
      </button>
    </div>
  );
}
