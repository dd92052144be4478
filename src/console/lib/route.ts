import { computed, signal } from '@preact/signals';

/** The place in the console: `#/requests/ID?status=5xx`. */
export interface Route {
  page: string;
  /** Rest of the path after the page, decoded; empty if there is none. */
  item: string;
  query: URLSearchParams;
}

const hash = signal(location.hash);
addEventListener('hashchange', () => {
  hash.value = location.hash;
});

export const route = computed<Route>(() => {
  const [path = '', query = ''] = hash.value.replace(/^#\/?/, '').split('?', 2);
  const slash = path.indexOf('/');
  const page = slash < 0 ? path : path.slice(0, slash);
  const item = slash < 0 ? '' : decoded(path.slice(slash + 1));
  return { page: page || 'overview', item, query: new URLSearchParams(query) };
});

/** A part of an address. A typed one may have a % that encodes nothing. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A parameter of this place that is one of a few values; `normal` in place of any other. */
export function choiceOf<Value extends string>(
  name: string,
  values: readonly Value[],
  normal: Value,
): Value {
  const given = route.value.query.get(name);
  return values.find((value) => value === given) ?? normal;
}

export type QueryValues = Readonly<Record<string, string | number | null | undefined>>;

/** The link to a place. */
export function linkTo(page: string, item = '', query: QueryValues = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return `#/${page}${item === '' ? '' : `/${encodeURIComponent(item)}`}${text === '' ? '' : `?${text}`}`;
}

/** Removes the place from the address, and from the browser's history. */
export function clearPlace(): void {
  history.replaceState(null, '', location.pathname);
  hash.value = '';
}

/** Changes parameters of this place without adding to the browser's history. */
export function setQuery(changes: QueryValues): void {
  const { page, item, query } = route.value;
  const all = { ...Object.fromEntries(query), ...changes };
  history.replaceState(null, '', linkTo(page, item, all));
  hash.value = location.hash;
}

/** Leaves a form that the address opened with `add`; the first steps lead back to their list. */
export function leaveForm(): void {
  const { query } = route.value;
  if (query.get('add') === 'first') location.hash = linkTo('overview');
  else if (query.has('add')) setQuery({ add: '' });
}
