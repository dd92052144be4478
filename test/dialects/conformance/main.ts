import { readFileSync, writeFileSync } from 'node:fs';
import { docsPage, withScoreboard } from './docs-page.js';
import { scoreboard } from './scoreboard.js';

/** `npm run conformance` prints the scoreboard; with `-- --write` it goes into the page. */
const board = scoreboard();
process.stdout.write(`${board}\n`);
if (process.argv.includes('--write')) {
  writeFileSync(docsPage, withScoreboard(readFileSync(docsPage, 'utf8'), board));
}
