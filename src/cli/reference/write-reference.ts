/** Writes the files generated from the commands: docs/commands.md and man/llmproxy.1. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { inPackage } from '../../package.js';
import { buildProgram } from '../program.js';
import { commandsPage } from './commands-page.js';
import { manPage } from './man-page.js';

mkdirSync(inPackage('man'), { recursive: true });
writeFileSync(inPackage('man/llmproxy.1'), manPage(await buildProgram()));
writeFileSync(inPackage('docs/commands.md'), commandsPage(await buildProgram()));
