/**
 * Measures what features cost: CPU per request of one gateway for each feature. The gateways take
 * turns of a second or so under a closed loop, and each turn is compared with the one of no feature in the
 * same round, so that whatever else the machine does affects all alike. `--scenario` is one of the main
 * benchmark's, `--only` a part of the name of the features to compare.
 * `LLMPROXY_OTHER=…/bin/llmproxy.js` adds another checkout's.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeDirectory, temporaryDirectory } from '../directory.js';
import { printTable, run, say } from '../faults/report.js';
import { startGenerator } from '../load/generator.js';
import { jobFor } from '../measure/measure-round.js';
import { median } from '../measure/median.js';
import { treeUsage } from '../measure/process-tree.js';
import { scenarios } from '../scenarios.js';
import { cacheFlags, guardrailsSetUp, llmproxy, spendSetUp } from '../targets/llmproxy.js';
import { startMock } from '../targets/mock.js';
import type { StartedTarget } from '../targets/target.js';
import { startUpstream } from '../targets/upstream.js';

const features = [
  { feature: 'none', setUp: [], keyFlags: [] },
  { feature: 'a price and a hard budget', setUp: spendSetUp, keyFlags: [] },
  { feature: 'cached answers', setUp: [], keyFlags: cacheFlags },
  { feature: 'guardrails', setUp: guardrailsSetUp, keyFlags: [] },
];
const connections = 32;
const warmUpMs = 500;
const other = process.env.LLMPROXY_OTHER;

const defaults = { seconds: 1.5, rounds: 15, scenario: 'small', only: '' };

await run(defaults, async (options, closers) => {
  const scenario = scenarios.find(({ name }) => name === options.scenario);
  if (!scenario) throw new Error(`--scenario: ${options.scenario} is not one of them`);
  const directory = temporaryDirectory(closers);
  const mock = await startMock(closers);
  await mock.configure(scenario.mock);
  const upstream = await startUpstream(scenario.upstream, mock, directory, closers);
  const generator = startGenerator();
  closers.push(() => generator.close());
  const measured: Measured[] = [];
  for (const bin of other === undefined ? [undefined] : [undefined, other]) {
    for (const { feature, setUp, keyFlags } of features) {
      if (feature !== 'none' && !feature.includes(options.only)) continue;
      const name = bin ? `${feature}, other` : feature;
      say(`starting a gateway: ${name}`);
      const own = makeDirectory(join(directory, 'gateway-'));
      const target = llmproxy(name, 'net', 1, [], setUp, keyFlags, bin);
      const started = await target.start({ mock, upstream, directory: own, closers });
      measured.push({ name, started, turns: [] });
    }
  }
  const pace = { kind: 'closed', connections, rampMs: 0 } as const;
  // The first two rounds warm up.
  for (let round = -1; round <= options.rounds; round++) {
    say(`round ${Math.max(0, round)} of ${options.rounds}`);
    for (const { started, turns } of measured) {
      await generator.start(jobFor(started, scenario, pace));
      await sleep(warmUpMs);
      await generator.mark();
      const from = treeUsage(started.pid);
      await sleep(options.seconds * 1000);
      const { requests, errors } = await generator.mark();
      const to = treeUsage(started.pid);
      await generator.stop();
      if (errors > 0) throw new Error(`${errors} requests failed`);
      const used = (key: 'cpuUs' | 'kernelUs' | 'controlUs') => (to[key] - from[key]) / requests;
      const control = used('controlUs');
      if (round > 0) turns.push({ all: used('cpuUs'), kernel: used('kernelUs'), control });
    }
  }
  const [none] = measured;
  if (!none) return;
  printTable(
    measured.map(({ name, turns }) => {
      const noneIn = (round: number) => none.turns[round]?.all ?? Number.NaN;
      return {
        feature: name,
        'us/req': median(turns.map(({ all }) => all)),
        '/ none': median(turns.map(({ all }, round) => all / noneIn(round))),
        'more than none': median(turns.map(({ all }, round) => all - noneIn(round))),
        worker: median(turns.map(({ all, control }) => all - control)),
        control: median(turns.map(({ control }) => control)),
        'in the kernel': median(turns.map(({ kernel }) => kernel)),
      };
    }),
  );
});

interface Measured {
  name: string;
  started: StartedTarget;
  /** CPU per request, in microseconds. */
  turns: { all: number; kernel: number; control: number }[];
}
