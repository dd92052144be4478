/** `npm run site [-- --out DIR]`: the documentation as HTML, in `dist/site` unless given. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeSite } from './site.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const { values } = parseArgs({ options: { out: { type: 'string', default: 'dist/site' } } });
const out = resolve(values.out);
writeSite(root, out);
process.stdout.write(`${out}/index.html\n`);
