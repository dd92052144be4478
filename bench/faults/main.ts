/** `npm run bench:faults [-- NAME…]`: runs the named measurements, or all, in sequence. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const names = [
  'swaps',
  'failover',
  'aborts',
  'resets',
  'retries',
  'overload',
  'database',
  'fleet',
  'versions',
  'usage-rows',
  'upgrade',
  'slow-readers',
  'stalled-readers',
  'soak',
];

const asked = process.argv.slice(2);
const unknown = asked.find((name) => !names.includes(name));
if (unknown !== undefined) {
  process.stderr.write(`${unknown}: must be one of ${names.join(', ')}\n`);
  process.exit(2);
}
for (const name of asked.length > 0 ? asked : names) {
  process.stdout.write(`\n${name}\n`);
  const script = fileURLToPath(new URL(`./${name}.js`, import.meta.url));
  const [code] = await once(spawn(process.execPath, [script], { stdio: 'inherit' }), 'exit');
  if (code !== 0) process.exitCode = 1;
}
