import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchArguments } from './arguments.js';
import type { Closers } from './closers.js';
import { startGenerator } from './load/generator.js';
import { measureRound } from './measure/measure-round.js';
import type { Measurement } from './measure/measurement.js';
import { treeUsage } from './measure/process-tree.js';
import { type Scenario, scenarios } from './scenarios.js';
import { allTargets, optionalTargets } from './targets/all.js';
import { type Mock, startMock } from './targets/mock.js';
import type { RunningTarget, Target } from './targets/target.js';

/** Every round of one scenario against one target. */
export interface Result {
  scenario: Scenario;
  target: string;
  rounds: Measurement[];
}

/** After it started, a target settles for this long before its memory is read. */
const settleMs = 500;

/**
 * Starts everything, measures and returns the results. All targets run from the beginning to the
 * end, and each round visits every one: what disturbs the machine then disturbs all alike.
 * @param log is told how far it is.
 */
export async function run(
  args: BenchArguments,
  closers: Closers,
  log: (line: string) => void,
): Promise<Result[]> {
  const directory = makeDirectory(join(tmpdir(), 'llmproxy-bench-'));
  closers.push(() => rmSync(directory, { recursive: true, force: true }));
  const mock = await startMock(closers);
  const running = await startTargets(args, mock, directory, closers, log);
  const generator = startGenerator();
  closers.push(() => generator.close());

  const results: Result[] = [];
  for (const scenario of scenarios.filter(({ name }) => args.scenarios.includes(name))) {
    await mock.configure(scenario.mock);
    const perSecond = scenario.perSecond === null ? null : (args.perSecond ?? scenario.perSecond);
    const ofScenario = running.map(
      ({ name }): Result => ({ scenario: { ...scenario, perSecond }, target: name, rounds: [] }),
    );
    for (let round = 1; round <= args.rounds; round++) {
      for (const [index, target] of running.entries()) {
        log(`${scenario.name}, round ${round} of ${args.rounds}: ${target.name}`);
        ofScenario[index]?.rounds.push(
          await measureRound(generator, target, scenario, args.seconds, perSecond),
        );
      }
    }
    results.push(...ofScenario);
  }
  return results;
}

async function startTargets(
  args: BenchArguments,
  mock: Mock,
  directory: string,
  closers: Closers,
  log: (line: string) => void,
): Promise<RunningTarget[]> {
  const running: RunningTarget[] = [];
  for (const target of allTargets(args.portkeyDirectory).filter(({ name }) =>
    isWanted(name, args),
  )) {
    const reason = target.unavailable();
    if (reason !== null) {
      log(`Left out: ${target.name}: ${reason}`);
      continue;
    }
    log(`Starting ${target.name}`);
    running.push(await startTarget(target, mock, directory, closers));
  }
  return running;
}

async function startTarget(
  target: Target,
  mock: Mock,
  parent: string,
  closers: Closers,
): Promise<RunningTarget> {
  const directory = makeDirectory(join(parent, `${target.name}-`));
  const started = await target.start({ mock, directory, closers });
  await sleep(settleMs);
  return { ...started, name: target.name, idleRssBytes: treeUsage(started.pid).rssBytes };
}

/** A new directory that a target may enter as another user too, as Postgres does for root. */
function makeDirectory(prefix: string): string {
  const directory = mkdtempSync(prefix);
  chmodSync(directory, 0o755);
  return directory;
}

function isWanted(name: string, { targets }: BenchArguments): boolean {
  return targets === null ? !optionalTargets.includes(name) : targets.includes(name);
}
