/** `npm run bench`: see README.md here. */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { type BenchArguments, readArguments, UsageError, usage } from './arguments.js';
import { createClosers } from './closers.js';
import { medianOf } from './measure/measurement.js';
import { type Result, run } from './run.js';
import { tableOf } from './table.js';

process.exitCode = await main();

async function main(): Promise<number> {
  const closers = createClosers();
  let interrupted = false;
  const interrupt = () => {
    interrupted = true;
    closers.closeAll().then(() => process.exit(130));
  };
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  try {
    const args = readArguments(process.argv.slice(2));
    if (args === null) {
      process.stdout.write(`${usage}\n`);
      return 0;
    }
    report(args, await run(args, closers, (line) => process.stderr.write(`${line}\n`)));
    return 0;
  } catch (error) {
    // An interrupt makes pending work fail, which is expected.
    if (!interrupted) {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    }
    return error instanceof UsageError ? 2 : 1;
  } finally {
    await closers.closeAll();
  }
}

function report(args: BenchArguments, results: readonly Result[]): void {
  for (const scenario of args.scenarios) {
    process.stdout.write(`\n${tableOf(results.filter((r) => r.scenario.name === scenario))}`);
  }
  if (args.jsonFile !== null) {
    writeFileSync(args.jsonFile, `${JSON.stringify(documentOf(args, results), null, 2)}\n`);
  }
}

function documentOf({ seconds }: BenchArguments, results: readonly Result[]): object {
  const [cpu] = cpus();
  return {
    date: new Date().toISOString(),
    node: process.version,
    cpu: cpu?.model ?? 'unknown',
    cores: cpus().length,
    seconds,
    results: results.map(({ scenario, target, rounds }) => ({
      scenario: scenario.name,
      target,
      unit: scenario.unit,
      open_loop_per_second: scenario.perSecond,
      median: medianOf(rounds),
      rounds,
    })),
  };
}
