/**
 * Counts refused and reset connections, failed requests and cut streams during upgrades under
 * load: `node dist/bench/faults/upgrade.js [--rounds 20] [--fresh 32] [--keep-alive 32]
 * [--streams 50] [--workers 2] [--engine net]`.
 *
 * Runs the real daemon with its embedded Postgres and a mock provider, and `llmproxy upgrade` in
 * each round while closed-loop clients send requests. The `fresh` clients open a connection for
 * each request; on Linux their fate depends on the sysctl net.ipv4.tcp_migrate_req, whose value is
 * printed. Exit code 1 when anything failed.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readProcesses } from '../../src/daemon/workers/processes-file.js';
import { createClosers } from '../closers.js';
import { temporaryDirectory } from '../directory.js';
import { startMock } from '../targets/mock.js';
import { freePort, runCommand, startProcess } from '../targets/process.js';
import { startSteadyLoad } from './steady-load.js';

const executable = fileURLToPath(new URL('../../../bin/llmproxy.js', import.meta.url));
const pauseMs = 500;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    fresh: { type: 'string', default: '32' },
    'keep-alive': { type: 'string', default: '32' },
    streams: { type: 'string', default: '50' },
    workers: { type: 'string', default: '2' },
    engine: { type: 'string', default: 'net' },
  },
});

const closers = createClosers();
const interrupt = () => void closers.closeAll().then(() => process.exit(130));
process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
try {
  process.exitCode = await measure();
} finally {
  await closers.closeAll();
}

async function measure(): Promise<number> {
  const dataDir = temporaryDirectory(closers);
  const mock = await startMock(closers);
  await mock.configure({ chunks: 40, chunkIntervalMs: 25 });
  const port = await freePort();
  const env = { LLMPROXY_DATA_DIR: dataDir };
  const run = (...args: string[]) => runCommand(process.execPath, [executable, ...args], env);
  const serve = ['serve', '--port', String(port), '--host', '127.0.0.1'];
  const { ready } = startProcess({
    name: 'llmproxy',
    command: process.execPath,
    args: [executable, ...serve, '--engine', values.engine, '--workers', values.workers],
    env,
    closers,
  });
  closers.push(() => endSuccessor(dataDir));
  await ready(port, '/health');
  await run(
    'provider',
    'add',
    'mock',
    '--api-base',
    `http://127.0.0.1:${mock.port}/v1`,
    '--api-key',
    'm',
  );
  const key = String(JSON.parse(await run('keys', 'create', 'bench', '--json')).key);

  const load = startSteadyLoad({
    url: `http://127.0.0.1:${port}`,
    key,
    model: 'gpt-4o',
    keepAlive: Number(values['keep-alive']),
    fresh: Number(values.fresh),
    streams: Number(values.streams),
  });
  const rounds = Number(values.rounds);
  const startMs = performance.now();
  for (let round = 0; round < rounds; round++) {
    await pause(pauseMs);
    await run('upgrade');
  }
  const { answered, failures } = await load.stop();
  const seconds = (performance.now() - startMs) / 1000;
  const perSecond = (count: number) => `${count} (${Math.round(count / seconds)}/s)`;
  const lines = [
    `net.ipv4.tcp_migrate_req  ${sysctl('tcp_migrate_req')}`,
    `upgrades                  ${rounds}`,
    `new connections           ${perSecond(answered.fresh)}`,
    `requests, kept alive      ${perSecond(answered.keepAlive)}`,
    `streams                   ${perSecond(answered.streams)}`,
    ...[...failures].map(([what, count]) => `FAILED ${what.padEnd(19)} ${count}`),
    ...(failures.size === 0 ? ['failed                    0'] : []),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return failures.size === 0 ? 0 : 1;
}

async function endSuccessor(dataDir: string): Promise<void> {
  const pid = readProcesses(dataDir)?.control.pid;
  if (pid) process.kill(pid, 'SIGTERM');
  while (readProcesses(dataDir)) await pause(20);
}

function sysctl(name: string): string {
  try {
    return readFileSync(`/proc/sys/net/ipv4/${name}`, 'utf8').trim();
  } catch {
    return 'none';
  }
}
