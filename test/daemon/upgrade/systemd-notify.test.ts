import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  openSystemdNotifier,
  watchdogIntervalMs,
} from '../../../src/daemon/upgrade/systemd-notify.js';
import { type Daemon, startDaemon } from '../../support/daemon.js';
import { testDirectory } from '../../support/postgres.js';
import { until } from '../../support/until.js';

/** A daemon under a service manager: the `systemd-notify` on its PATH writes messages to a file. */
async function daemonUnderSystemd(
  t: TestContext,
  env: Record<string, string> = {},
): Promise<{ daemon: Daemon; messages: () => string[] }> {
  const home = testDirectory();
  const bin = join(home, 'bin');
  const file = join(home, 'messages');
  mkdirSync(bin);
  const script = `#!/bin/sh\nIFS='&'\nprintf '%s\\n' "$*" >> '${file}'\n`;
  writeFileSync(join(bin, 'systemd-notify'), script, { mode: 0o755 });
  const PATH = `${bin}:${process.env.PATH}`;
  const daemon = await startDaemon(t, { home, env: { NOTIFY_SOCKET: '/run/x', PATH, ...env } });
  const messages = () => (existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : []);
  return { daemon, messages };
}

test('notifies systemd that it starts, is ready, reloads and stops, in this order', async (t) => {
  const { daemon, messages } = await daemonUnderSystemd(t);
  const count = (start: string) => messages().filter((line) => line.startsWith(start)).length;
  await until('readiness', () => count('READY=1') === 1);
  daemon.kill('SIGHUP');
  await until('the end of the reload', () => count('READY=1') === 2);
  assert.equal(await daemon.stop(), 0);
  const states = messages().flatMap((line) => /^(?!STATUS)[A-Z]+/.exec(line)?.[0] ?? []);
  assert.deepEqual(states, ['READY', 'RELOADING', 'READY', 'STOPPING']);
  assert.match(messages()[0] ?? '', /^STATUS=llmproxy \S+; starting$/);
  assert.match(messages().join('\n'), /^RELOADING=1&MONOTONIC_USEC=\d+$/m);
});

test('the status text has version, address and configuration, or what is wrong with it', async (t) => {
  const { daemon, messages } = await daemonUnderSystemd(t);
  const last = () => messages().findLast((line) => line.includes('STATUS=')) ?? '';
  const well = `; ${daemon.url}, 1 worker; configuration`;
  await until('that it is ready', () => last().includes(well));
  assert.match(last(), /; configuration \d+ \(0 providers, 0 keys\)$/);

  mkdirSync(daemon.overridesDir, { recursive: true });
  const file = join(daemon.overridesDir, 'bad.yaml');
  writeFileSync(file, 'providers: {local: {weight: heavy}}');
  await until('the problem', () => last().includes(`${file}: providers.local.weight: must be`));
  rmSync(file);
  await until('that it is well again', () => !last().includes('rejected'));
});

test('pings the watchdog, but not while a worker hangs', async (t) => {
  const { daemon, messages } = await daemonUnderSystemd(t, { WATCHDOG_USEC: '100000' });
  const pings = () => messages().filter((line) => line === 'WATCHDOG=1').length;
  await until('two pings', () => pings() >= 2);
  const [worker = 0] = daemon.workerPids();
  process.kill(worker, 'SIGSTOP');
  // Twenty reloads take the time of several pings; the control process itself is well.
  const reloads = () => messages().filter((line) => line.startsWith('READY=1')).length;
  await until('twenty reloads without a ping', async () => {
    const before = pings();
    for (let i = 0; i < 20; i++) {
      const seen = reloads();
      daemon.kill('SIGHUP');
      await until('the end of a reload', () => reloads() > seen);
    }
    return pings() === before;
  });
  const silent = pings();
  process.kill(worker, 'SIGCONT');
  await until('pings again', () => pings() > silent);
});

test('half of the watchdog time passes between pings, and none where it is of another process', () => {
  assert.equal(watchdogIntervalMs({ WATCHDOG_USEC: '30000000' }), 15_000);
  assert.equal(watchdogIntervalMs({ WATCHDOG_USEC: '2000', WATCHDOG_PID: `${process.pid}` }), 1);
  assert.equal(watchdogIntervalMs({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '1' }), null);
  assert.equal(watchdogIntervalMs({}), null);
});

test('without a service manager nothing is notified', () => {
  assert.equal(openSystemdNotifier({ environment: {}, version: '1', emit: () => {} }), null);
});

test('a systemd-notify that is missing is reported once, and stops nothing', async (t) => {
  const home = testDirectory();
  const node = join(home, 'bin');
  mkdirSync(node);
  const daemon = await startDaemon(t, {
    home,
    env: { NOTIFY_SOCKET: '/run/x', PATH: node },
  });
  await daemon.waitFor('systemd_not_told');
  daemon.kill('SIGHUP');
  assert.equal(await daemon.stop(), 0);
  assert.equal(daemon.logs.filter(({ event }) => event === 'systemd_not_told').length, 1);
});
