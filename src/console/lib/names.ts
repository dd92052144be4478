import { withQuery } from './api.js';
import { useLoad } from './load.js';

/** Lists of the admin API, each with the field of its rows' names. */
const fields = {
  providers: 'provider_key',
  models: 'model',
  teams: 'name',
  credentials: 'name',
} as const;

export type Named = keyof typeof fields;

/** Names suggested at once. */
const maxNames = 20;
/** The longest text that lists are searched for. */
const maxSearch = 200;

/**
 * Names that contain a text, as suggestions while it is typed.
 * @param of their list; null suggests nothing.
 */
export function useNames(of: Named | null, search: string): string[] {
  const asked = { search: search.slice(0, maxSearch), limit: maxNames };
  const { data } = useLoad<Record<string, Record<string, string>[]>>(of && withQuery(of, asked));
  return of === null ? [] : (data?.[of] ?? []).map((row) => row[fields[of]] ?? '');
}
