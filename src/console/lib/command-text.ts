import { shellWord } from './shell-word.js';

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
    .map(([name, value]) => ` --${name} ${shellWord(`${value}`)}`)
    .join('');
}

/** A command for curl. @param page address of the console. */
export function curlOf({ method = 'GET', path, body }: CommandText, page: string): string {
  const url = `${new URL('.', page.split('#')[0]).href}admin/v1/${path}`;
  const lines = [`curl ${method === 'GET' ? '' : `-X ${method} `}${shellWord(url)}`];
  lines.push('  -H "Authorization: Bearer $ADMIN_KEY"');
  if (body) {
    lines.push('  -H "Content-Type: application/json"');
    lines.push(`  -d ${shellWord(JSON.stringify(body))}`);
  }
  return lines.join(' \\\n');
}
