import type { ComponentChildren } from 'preact';
import { route, setQuery } from '../../lib/route.js';
import { t } from '../../lib/words.js';

/** Above a list of pages: a text that names contain, kept in the address, and further filters. */
export function SearchField({ children }: { children?: ComponentChildren }) {
  return (
    <div class={route.value.query.size === 0 ? 'filters unused' : 'filters'}>
      <input
        type="search"
        aria-label={t('Search by name')}
        placeholder={t('Search by name')}
        value={route.value.query.get('search') ?? ''}
        onInput={(event) => setQuery({ search: event.currentTarget.value, from: '' })}
      />
      {children}
    </div>
  );
}
