/** Writes the files generated from the commands: docs/commands.md and man/llmproxy.1. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { buildProgram } from '../program.js';
import { commandsPage } from './commands-page.js';
import { manPage } from './man-page.js';

const root = new URL('../../../../', import.meta.url);
mkdirSync(new URL('man/', root), { recursive: true });
writeFileSync(new URL('man/llmproxy.1', root), manPage(await buildProgram()));
writeFileSync(new URL('docs/commands.md', root), commandsPage(await buildProgram()));
