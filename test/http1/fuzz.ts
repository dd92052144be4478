/**
 * The long form of the differential fuzz: `npm run fuzz -- [--requests 1000000] [--minutes 60]
 * [--seed N]`. Prints each stream that is read in two ways, once a kind; exit code 1 then.
 */
import { parseArgs } from 'node:util';
import { difference, generate, randomFrom } from './differential.js';

const { values } = parseArgs({
  options: {
    requests: { type: 'string' },
    minutes: { type: 'string' },
    seed: { type: 'string', default: String(Date.now()) },
  },
});
const maxStreams = Number(values.requests ?? (values.minutes ? Number.POSITIVE_INFINITY : 1e6));
const endMs = performance.now() + Number(values.minutes ?? Number.POSITIVE_INFINITY) * 60_000;
const random = randomFrom(Number(values.seed));
const kinds = new Map<string, number>();
let streams = 0;
while (streams < maxStreams && performance.now() < endMs) {
  streams++;
  const stream = generate(random);
  const found = difference(stream, random);
  if (found === null) continue;
  const kind = found.replace(/\d+/g, 'N').slice(0, 40);
  const count = (kinds.get(kind) ?? 0) + 1;
  kinds.set(kind, count);
  if (count <= 5) process.stdout.write(`${found}\n  ${JSON.stringify(stream)}\n`);
}
process.stdout.write(`seed ${values.seed}: ${streams} streams, ${kinds.size} kinds differ\n`);
process.exitCode = kinds.size > 0 ? 1 : 0;
