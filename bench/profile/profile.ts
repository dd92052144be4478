/** Profiles the CPU time of the worker and the control process: the functions that cost most, and a flame graph. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Closers, createClosers } from '../closers.js';
import { makeDirectory, temporaryDirectory } from '../directory.js';
import { startGenerator } from '../load/generator.js';
import { measureRound } from '../measure/measure-round.js';
import { type Scenario, scenarios } from '../scenarios.js';
import { llmproxy, spendSetUp } from '../targets/llmproxy.js';
import { startMock } from '../targets/mock.js';
import { startTls } from '../targets/tls.js';
import { type CpuProfile, drawFrames, type Frame, framesOf, selfTimes } from './flame-graph.js';

const { values } = parseArgs({
  options: {
    scenario: { type: 'string', default: 'small' },
    seconds: { type: 'string', default: '5' },
    engine: { type: 'string', default: 'net' },
    spend: { type: 'boolean', default: false },
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
  await load(scenario, targetClosers);
  // A process writes its profile when it ends.
  await targetClosers.closeAll();
  const [worker, control] = busiest(profiles);
  print('worker', worker);
  print('control process', control);
  if (values.svg) writeFileSync(values.svg, drawFrames(worker, `A worker, ${scenario.title}`));
} finally {
  await closers.closeAll();
}

async function load(ofScenario: Scenario, closers: Closers): Promise<void> {
  const mock = await startMock(closers);
  await mock.configure(ofScenario.mock);
  const upstream = ofScenario.tls ? await startTls(mock, directory, closers) : mock;
  const options = ['--cpu-prof', `--cpu-prof-dir=${profiles}`];
  const target = llmproxy('llmproxy', values.engine, 1, options, values.spend ? spendSetUp : []);
  const started = await target.start({ mock, upstream, directory, closers });
  const generator = startGenerator();
  closers.push(() => generator.close());
  const running = { ...started, name: target.name, idlePssBytes: 0 };
  await measureRound(generator, running, ofScenario, Number(values.seconds), null);
}

function print(name: string, frame: Frame): void {
  process.stdout.write(`\n${name}: ${(frame.us / 1e6).toFixed(2)} s\n`);
  for (const [at, us] of selfTimes(frame).slice(0, 40)) {
    process.stdout.write(`${((100 * us) / frame.us).toFixed(1).padStart(5)} %  ${at}\n`);
  }
}

/** The busiest profile, which is the worker's, and the next, which is the control process's. */
function busiest(folder: string): [Frame, Frame] {
  const [first, second] = readdirSync(folder)
    .map((file) => framesOf(JSON.parse(readFileSync(join(folder, file), 'utf8')) as CpuProfile))
    .sort((a, b) => b.us - a.us);
  if (!first || !second) throw new Error('fewer than two processes wrote a profile');
  return [first, second];
}
