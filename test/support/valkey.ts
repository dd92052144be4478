import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { TestContext } from 'node:test';
import { freePort } from './free-port.js';
import { testDirectory } from './postgres.js';
import { until } from './until.js';

const executable = ['valkey-server', 'redis-server'].find(
  (name) => spawnSync(name, ['--version']).status === 0,
);

/** Reason for skipping tests with a Valkey; false if one is installed. */
export const noValkey = executable ? false : 'neither valkey-server nor redis-server is installed';

export interface TestValkey {
  readonly port: number;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a Valkey, or a Redis, without a disk; ended with the test. */
export async function startValkey(
  t: TestContext,
  options: readonly string[] = [],
  isTls = false,
): Promise<TestValkey> {
  const port = await freePort();
  const directory = testDirectory();
  const ports = isTls ? ['--port', '0', '--tls-port', `${port}`] : ['--port', `${port}`];
  let child: ReturnType<typeof spawn> | null = null;
  const valkey = {
    port,
    async start() {
      const fixed = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', directory];
      child = spawn(executable ?? '', [...ports, ...fixed, ...options], { stdio: 'ignore' });
      await until('the Valkey', () => accepts(port));
    },
    async stop() {
      if (!child || child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
  t.after(() => valkey.stop());
  await valkey.start();
  return valkey;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
