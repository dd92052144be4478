import { fileURLToPath } from 'node:url';

/** Tests run from `dist`. */
export const docsPage = fileURLToPath(new URL('../../../../docs/dialects.md', import.meta.url));

const begin = '<!-- scoreboard -->';
const end = '<!-- /scoreboard -->';

/** The page with its scoreboard replaced. */
export function withScoreboard(page: string, board: string): string {
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`docs/dialects.md must hold ${begin} and ${end}`);
  return `${page.slice(0, from + begin.length)}\n\n${board}\n\n${page.slice(to)}`;
}
