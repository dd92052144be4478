import { useEffect, useState } from 'preact/hooks';
import { type Named, useNames } from '../lib/names.js';
import { linkTo } from '../lib/route.js';
import { role } from '../lib/session.js';
import { t } from '../lib/words.js';
import { Dialog } from '../parts/dialog.js';
import { Empty } from '../parts/state.js';
import { isShown, pageGroups } from './index.js';

interface Place {
  kind: string;
  name: string;
  link: string;
}

/** Places of one kind that are listed. */
const maxOfKind = 5;
/** The form of request ids; shorter texts are rather names. */
const requestId = /^[\w.:-]{12,}$/;

/** One field that leads to every page, key, team, provider, model and request. */
export function GoTo({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState('');
  const [chosen, setChosen] = useState(0);
  const places = usePlaces(text.trim());
  const at = Math.min(chosen, places.length - 1);
  useEffect(() => {
    document.getElementById(`place-${at}`)?.scrollIntoView({ block: 'nearest' });
  }, [at]);
  const open = ({ link }: Place) => {
    location.hash = link;
    onClose();
  };
  const onKey = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const place = places[at];
    if (step !== undefined) setChosen((at + step + places.length) % (places.length || 1));
    else if (event.key === 'Enter' && place) open(place);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title={t('Go to')} onClose={onClose}>
      <div class="stack">
        <input
          type="text"
          role="combobox"
          aria-expanded="true"
          aria-controls="places"
          aria-activedescendant={places.length > 0 ? `place-${at}` : undefined}
          aria-label={t('A page, key, team, provider, model or request id')}
          placeholder={t('A page, key, team, provider, model or request id')}
          autofocus
          value={text}
          onInput={(event) => {
            setText(event.currentTarget.value);
            setChosen(0);
          }}
          onKeyDown={onKey}
        />
        <div id="places" class="places" role="listbox" aria-label={t('Go to')}>
          {places.map((place, index) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the field has the keyboard
            <div
              key={place.link}
              id={`place-${index}`}
              role="option"
              tabIndex={-1}
              aria-selected={index === at}
              onPointerMove={() => setChosen(index)}
              onClick={() => open(place)}
            >
              <span>{place.name}</span>
              <span class="muted small">{place.kind}</span>
            </div>
          ))}
        </div>
        {places.length === 0 && <Empty title={t('Nothing has this name')} />}
      </div>
    </Dialog>
  );
}

/** The places that a text may mean, pages first. */
function usePlaces(text: string): Place[] {
  const matches = (name: string) => name.toLowerCase().includes(text.toLowerCase());
  const isTeam = role.value === 'team';
  const lists: readonly (readonly [Named, string, string])[] = [
    ['credentials', 'Key', 'keys'],
    ['teams', 'Team', 'teams'],
    ['providers', 'Provider', 'providers'],
    ['models', 'Model', 'models'],
  ];
  // A team's lead sees the names of its keys only.
  const named = lists.flatMap(([of, kind, page]) => {
    const isAsked = text !== '' && isShown(page) && !(isTeam && of !== 'credentials');
    return (
      useNames(isAsked ? of : null, text)
        // Until an answer is there, the names are those of what was typed before.
        .filter((name, place, all) => matches(name) && all.indexOf(name) === place)
        .slice(0, maxOfKind)
        .map((name) => ({ kind: t(kind), name, link: linkTo(page, '', { search: name }) }))
    );
  });
  const pages = pageGroups
    .flatMap(({ names }) => names)
    .filter(([page, title]) => isShown(page) && matches(t(title)))
    .map(([page, title]) => ({ kind: t('Page'), name: t(title), link: linkTo(page) }));
  const request = requestId.test(text)
    ? [{ kind: t('Request'), name: text, link: linkTo('requests', text) }]
    : [];
  return [...pages, ...named, ...request];
}
