import { setTimeout as sleep } from 'node:timers/promises';
import type { Generator } from '../load/generator.js';
import type { Counts, Job } from '../load/messages.js';
import type { Rate, Scenario } from '../scenarios.js';
import type { RunningTarget } from '../targets/target.js';
import type { Measurement } from './measurement.js';
import { type TreeUsage, treeUsage } from './process-tree.js';

/** Runs one scenario once against one target. */
export async function measureRound(
  generator: Generator,
  target: RunningTarget,
  scenario: Scenario,
  seconds: number,
  rate: Rate | null,
): Promise<Measurement> {
  const closed = await measureClosed(generator, target, scenario, seconds);
  const { counts, cpuUs, controlUs } = closed;
  const perSecond = rate === 'half' ? counts.requests / (counts.elapsedMs / 500) : rate;
  const open =
    perSecond === null ? null : await measureOpen(generator, target, scenario, seconds, perSecond);
  const units = scenario.unit === 'chunk' ? counts.events : counts.requests;
  return {
    cpuUs: units === 0 ? 0 : cpuUs / units,
    controlUs: units === 0 ? 0 : controlUs / units,
    perSecond: units / (counts.elapsedMs / 1000),
    latencyMs: open?.whole ?? counts.firstByte,
    idlePssBytes: target.idlePssBytes,
    loadedPssBytes: closed.pssBytes,
    errors: counts.errors + (open?.errors ?? 0),
    lastError: open?.lastError ?? counts.lastError,
  };
}

async function measureClosed(
  generator: Generator,
  target: RunningTarget,
  scenario: Scenario,
  seconds: number,
): Promise<{ counts: Counts } & TreeUsage> {
  const { connections, warmUpMs } = scenario;
  await generator.start(
    jobFor(target, scenario, { kind: 'closed', connections, rampMs: warmUpMs - 500 }),
  );
  await sleep(warmUpMs);
  await generator.mark();
  const before = treeUsage(target.pid);
  await sleep(seconds * 1000);
  const counts = await generator.mark();
  const after = treeUsage(target.pid);
  await generator.stop();
  return {
    counts,
    cpuUs: after.cpuUs - before.cpuUs,
    controlUs: after.controlUs - before.controlUs,
    kernelUs: after.kernelUs - before.kernelUs,
    pssBytes: after.pssBytes,
  };
}

async function measureOpen(
  generator: Generator,
  target: RunningTarget,
  scenario: Scenario,
  seconds: number,
  perSecond: number,
): Promise<Counts> {
  await generator.start(jobFor(target, scenario, { kind: 'open', perSecond }));
  await sleep(500);
  await generator.mark();
  await sleep(seconds * 1000);
  const counts = await generator.mark();
  await generator.stop();
  return counts;
}

/** A job that repeats one request. */
export function jobFor(
  target: Pick<RunningTarget, 'port' | 'headers'>,
  { path, body }: Pick<Scenario, 'path' | 'body'>,
  pace: Job['pace'],
): Job {
  const head = [
    `POST ${path} HTTP/1.1`,
    `host: 127.0.0.1:${target.port}`,
    'content-type: application/json',
    ...Object.entries(target.headers).map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  const request = Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
  return { host: '127.0.0.1', port: target.port, request, pace };
}
