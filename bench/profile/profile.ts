/** Profiles the CPU time of the worker and the control process: the functions that cost most, and a flame graph. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Closers, createClosers } from '../closers.js';
import { makeDirectory, temporaryDirectory } from '../directory.js';
import { startGenerator } from '../load/generator.js';
import { measureRound } from '../measure/measure-round.js';
import type { Measurement } from '../measure/measurement.js';
import { type Scenario, scenarios } from '../scenarios.js';
import { cacheFlags, llmproxy, spendSetUp } from '../targets/llmproxy.js';
import { startMock } from '../targets/mock.js';
import { startUpstream } from '../targets/upstream.js';
import { type CpuProfile, drawFrames, type Frame, framesOf, selfTimes } from './flame-graph.js';

const { values } = parseArgs({
  options: {
    scenario: { type: 'string', default: 'small' },
    seconds: { type: 'string', default: '5' },
    engine: { type: 'string', default: 'net' },
    spend: { type: 'boolean', default: false },
    cache: { type: 'boolean', default: false },
    svg: { type: 'string' },
  },
});
const scenario = scenarios.find(({ name }) => name === values.scenario);
if (!scenario) throw new Error(`--scenario: ${values.scenario} is not one of them`);

const closers = createClosers();
const directory = temporaryDirectory(closers);
const profiles = makeDirectory(join(directory, 'profiles-'));
const targetClosers = createClosers();
closers.push(targetClosers.closeAll);
try {
  const { pid, cpuUs, controlUs } = await load(scenario, targetClosers);
  // A process writes its profile when it ends.
  await targetClosers.closeAll();
  const worker = profileOf(pid, true);
  const control = profileOf(pid);
  print(`worker: ${(cpuUs - controlUs).toFixed(1)} us`, worker);
  print(`control process: ${controlUs.toFixed(1)} us`, control);
  if (values.svg) writeFileSync(values.svg, drawFrames(worker, `A worker, ${scenario.title}`));
} finally {
  await closers.closeAll();
}

/** @returns the measurement, and the control process. */
async function load(
  ofScenario: Scenario,
  closers: Closers,
): Promise<Measurement & { pid: number }> {
  const mock = await startMock(closers);
  await mock.configure(ofScenario.mock);
  const upstream = await startUpstream(ofScenario.upstream, mock, directory, closers);
  const options = ['--cpu-prof', `--cpu-prof-dir=${profiles}`];
  const setUp = values.spend ? spendSetUp : [];
  const keyFlags = values.cache ? cacheFlags : [];
  const target = llmproxy('llmproxy', values.engine, 1, options, setUp, keyFlags);
  const started = await target.start({ mock, upstream, directory, closers });
  const generator = startGenerator();
  closers.push(() => generator.close());
  const running = { ...started, name: target.name, idlePssBytes: 0 };
  const measured = await measureRound(generator, running, ofScenario, Number(values.seconds), null);
  return { ...measured, pid: started.pid };
}

function print(name: string, frame: Frame): void {
  process.stdout.write(`\n${name} a ${scenario?.unit}\n`);
  for (const [at, us] of selfTimes(frame).slice(0, 40)) {
    process.stdout.write(`${((100 * us) / frame.us).toFixed(1).padStart(5)} %  ${at}\n`);
  }
}

/** The profile of a process, or else of the busiest other one, which is the worker. */
function profileOf(pid: number, isOther = false): Frame {
  const [first] = readdirSync(profiles)
    .filter((file) => file.includes(`.${pid}.`) !== isOther)
    .map((file) => framesOf(JSON.parse(readFileSync(join(profiles, file), 'utf8')) as CpuProfile))
    .sort((a, b) => b.us - a.us);
  if (!first) throw new Error('a process wrote no profile');
  return first;
}
