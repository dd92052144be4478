import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchArguments } from './arguments.js';
import type { Closers } from './closers.js';
import { makeDirectory, temporaryDirectory } from './directory.js';
import { type Generator, startGenerator } from './load/generator.js';
import { measureRound } from './measure/measure-round.js';
import type { Measurement } from './measure/measurement.js';
import { treeUsage } from './measure/process-tree.js';
import { type Scenario, scenarios } from './scenarios.js';
import { allTargets, optionalTargets } from './targets/all.js';
import { type Mock, startMock } from './targets/mock.js';
import type { RunningTarget, Target, TargetContext } from './targets/target.js';
import { startUpstream, upstreamUnavailable } from './targets/upstream.js';

/** Every round of one scenario against one target. */
export interface Result {
  scenario: Scenario;
  target: string;
  rounds: Measurement[];
}

/** A started target settles for this long before its memory is read. */
const settleMs = 500;

/**
 * Starts everything, measures and returns the results. All targets run throughout, and each round
 * visits every one, so that disturbances of the machine affect all alike.
 * @param log receives progress messages.
 */
export async function run(
  args: BenchArguments,
  closers: Closers,
  log: (line: string) => void,
): Promise<Result[]> {
  const directory = temporaryDirectory(closers);
  const mock = await startMock(closers);
  const generator = startGenerator();
  closers.push(() => generator.close());

  const results: Result[] = [];
  const wanted = scenarios.filter(({ name }) => args.scenarios.includes(name));
  for (const kind of [undefined, 'tls', 'nginx'] as const) {
    const ofKind = wanted.filter((scenario) => scenario.upstream === kind);
    if (ofKind.length === 0) continue;
    const reason = upstreamUnavailable(kind);
    if (reason !== null) {
      log(`Left out: ${ofKind.map(({ name }) => name).join(', ')}: ${reason}`);
      continue;
    }
    const upstream = await startUpstream(kind, mock, directory, closers);
    const context = { mock, upstream, directory, closers };
    const running = await startTargets(args, context, log);
    for (const scenario of ofKind) {
      results.push(...(await measureScenario(args, scenario, running, mock, generator, log)));
    }
  }
  return results;
}

async function measureScenario(
  args: BenchArguments,
  scenario: Scenario,
  running: readonly RunningTarget[],
  mock: Mock,
  generator: Generator,
  log: (line: string) => void,
): Promise<Result[]> {
  await mock.configure(scenario.mock);
  const perSecond = scenario.perSecond === null ? null : (args.perSecond ?? scenario.perSecond);
  const results = running.map(
    ({ name }): Result => ({ scenario: { ...scenario, perSecond }, target: name, rounds: [] }),
  );
  for (let round = 1; round <= args.rounds; round++) {
    for (const [index, target] of running.entries()) {
      log(`${scenario.name}, round ${round} of ${args.rounds}: ${target.name}`);
      results[index]?.rounds.push(
        await measureRound(generator, target, scenario, args.seconds, perSecond),
      );
    }
  }
  return results;
}

async function startTargets(
  args: BenchArguments,
  context: TargetContext,
  log: (line: string) => void,
): Promise<RunningTarget[]> {
  const running: RunningTarget[] = [];
  for (const target of allTargets(args.peers).filter(({ name }) => isWanted(name, args))) {
    const reason = target.unavailable();
    if (reason !== null) {
      log(`Left out: ${target.name}: ${reason}`);
      continue;
    }
    log(`Starting ${target.name}`);
    running.push(await startTarget(target, context));
  }
  return running;
}

async function startTarget(target: Target, context: TargetContext): Promise<RunningTarget> {
  const directory = makeDirectory(join(context.directory, `${target.name}-`));
  const started = await target.start({ ...context, directory });
  await sleep(settleMs);
  return { ...started, name: target.name, idlePssBytes: treeUsage(started.pid).pssBytes };
}

function isWanted(name: string, { targets }: BenchArguments): boolean {
  return targets === null ? !optionalTargets.includes(name) : targets.includes(name);
}
