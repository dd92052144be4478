/** A path with these parameters added to its query. */
export function withQuery(path: string, query: Readonly<Record<string, string>>): string {
  const added = new URLSearchParams(query).toString();
  if (added === '') return path;
  return `${path}${path.includes('?') ? '&' : '?'}${added}`;
}

/** The names in the query of a path. */
export function queryNames(path: string): ReadonlySet<string> {
  const from = path.indexOf('?');
  return new Set(from < 0 ? [] : new URLSearchParams(path.slice(from)).keys());
}

/**
 * Adds a client's query parameters to a path, except its key and those already in the path.
 * @param query without the question mark.
 */
export function withClientQuery(path: string, own: ReadonlySet<string>, query: string): string {
  const passed = query.split('&').filter((part) => {
    const [name = ''] = new URLSearchParams(part).keys();
    return part !== '' && name !== 'key' && !own.has(name);
  });
  if (passed.length === 0) return path;
  return `${path}${path.includes('?') ? '&' : '?'}${passed.join('&')}`;
}
