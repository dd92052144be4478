import { useState } from 'preact/hooks';
import { useNames } from '../../lib/names.js';
import { setQuery } from '../../lib/route.js';
import { t } from '../../lib/words.js';

/** Only what one team has. It is in the address. */
export function TeamFilter({ team }: { team: string }) {
  const [typed, setTyped] = useState<string | null>(null);
  const names = useNames(typed === null ? null : 'teams', typed ?? '');
  return (
    <>
      <input
        aria-label={t('Team')}
        placeholder={t('Every team')}
        list="teams"
        value={typed ?? team}
        onFocus={() => setTyped(team)}
        onInput={(event) => setTyped(event.currentTarget.value)}
        onChange={(event) => setQuery({ team: event.currentTarget.value, from: '' })}
        onBlur={() => setTyped(null)}
      />
      <datalist id="teams">
        {names.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </>
  );
}
