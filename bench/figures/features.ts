/**
 * Measures what features cost: CPU per small request of the worker and the control process, of one
 * gateway for each feature. All serve the same steady load at the same time, so that whatever else
 * the machine does affects all alike. `LLMPROXY_OTHER=…/bin/llmproxy.js` adds another checkout's.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeDirectory, temporaryDirectory } from '../directory.js';
import { printTable, run, say } from '../faults/report.js';
import { type Generator, startGenerator } from '../load/generator.js';
import { jobFor } from '../measure/measure-round.js';
import { median } from '../measure/median.js';
import { treeUsage } from '../measure/process-tree.js';
import { scenarios } from '../scenarios.js';
import { cacheFlags, guardrailsSetUp, llmproxy, spendSetUp } from '../targets/llmproxy.js';
import { startMock } from '../targets/mock.js';
import type { StartedTarget } from '../targets/target.js';

const features = [
  { feature: 'none', setUp: [], keyFlags: [] },
  { feature: 'a price and a hard budget', setUp: spendSetUp, keyFlags: [] },
  { feature: 'cached answers', setUp: [], keyFlags: cacheFlags },
  { feature: 'guardrails', setUp: guardrailsSetUp, keyFlags: [] },
];
const other = process.env.LLMPROXY_OTHER;

await run({ seconds: 10, rounds: 3, 'per-second': 800 }, async (options, closers) => {
  const scenario = scenarios.find(({ name }) => name === 'small');
  if (!scenario) throw new Error('No scenario has small requests');
  const directory = temporaryDirectory(closers);
  const mock = await startMock(closers);
  await mock.configure(scenario.mock);
  const measured: Measured[] = [];
  for (const { feature, setUp, keyFlags } of features) {
    for (const bin of other === undefined ? [undefined] : [undefined, other]) {
      say(`starting a gateway with ${feature}${bin ? ', other' : ''}`);
      const own = makeDirectory(join(directory, 'gateway-'));
      const target = llmproxy(feature, 'net', 1, [], setUp, keyFlags, bin);
      const started = await target.start({ mock, upstream: mock, directory: own, closers });
      const generator = startGenerator();
      closers.push(() => generator.close());
      const name = bin ? `${feature}, other` : feature;
      measured.push({ name, started, generator, worker: [], control: [] });
    }
  }
  const pace = { kind: 'open', perSecond: options['per-second'] } as const;
  for (const { started, generator } of measured) {
    await generator.start(jobFor(started, scenario, pace));
  }
  // The first round warms up.
  for (let round = 0; round <= options.rounds; round++) {
    say(`round ${round} of ${options.rounds}`);
    const before = await Promise.all(measured.map(marked));
    await sleep(options.seconds * 1000);
    const after = await Promise.all(measured.map(marked));
    for (const [index, { worker, control }] of measured.entries()) {
      const [from, to] = [before[index], after[index]];
      if (!from || !to || round === 0) continue;
      if (to.errors > 0) throw new Error(`${to.errors} requests failed`);
      const controlUs = to.controlUs - from.controlUs;
      worker.push((to.cpuUs - from.cpuUs - controlUs) / to.requests);
      control.push(controlUs / to.requests);
    }
  }
  const [base] = measured;
  printTable(
    measured.map(({ name, worker, control }) => ({
      feature: name,
      'worker us/req': median(worker),
      'control us/req': median(control),
      'more than none': median(sums({ worker, control })) - median(base ? sums(base) : []),
    })),
  );
  await Promise.all(measured.map(({ generator }) => generator.stop()));
});

interface Measured {
  name: string;
  started: StartedTarget;
  generator: Generator;
  /** CPU per request by round, in microseconds. */
  worker: number[];
  control: number[];
}

async function marked({ started, generator }: Measured) {
  const counts = await generator.mark();
  return { ...counts, ...treeUsage(started.pid) };
}

function sums({ worker, control }: Pick<Measured, 'worker' | 'control'>): number[] {
  return worker.map((us, round) => us + (control[round] ?? 0));
}
