import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import {
  type MockProcess,
  type MockProcessOptions,
  startMockProcess,
} from '../../test/support/mock-process.js';
import type { Closers } from '../closers.js';
import { temporaryDirectory } from '../directory.js';
import { freePort, startProcess } from '../targets/process.js';

export const executable = fileURLToPath(new URL('../../../bin/llmproxy.js', import.meta.url));
const adminKey = 'admin-key-of-the-bench';

export interface GatewayOptions {
  workers?: number;
  engine?: string;
  /** Another version's; this one's by default. */
  executable?: string;
  settings?: object;
  /** An external Postgres to use. */
  dbUrl?: string;
  /** Its folder; that of an earlier gateway reuses its data. */
  home?: string;
}

/** The real daemon, on its embedded Postgres by default, stopped by the closers. */
export interface BenchGateway {
  url: string;
  port: number;
  dataDir: string;
  /** The environment of commands about it. */
  env: Readonly<Record<string, string>>;
  /** An unrestricted key. */
  key: string;
  adminKey: string;
  /** Calls the admin API; a change is active when it resolves. */
  admin(method: string, path: string, body?: object): Promise<Record<string, { id: number }>>;
  addProvider(key: string, apiBase: string, params?: object): Promise<number>;
  /** Process ids of the workers. */
  workers(): number[];
  /** Process ids of the daemon, the control process first, then the workers. */
  pids(): number[];
}

export async function startGateway(
  closers: Closers,
  {
    workers = 2,
    engine = 'auto',
    executable: file = executable,
    settings = {},
    dbUrl,
    home = temporaryDirectory(closers),
  }: GatewayOptions,
): Promise<BenchGateway> {
  const isNew = !existsSync(join(home, 'config'));
  mkdirSync(join(home, 'config'), { recursive: true });
  const config = join(home, 'config/llmproxy.yaml');
  writeFileSync(config, stringify(settings));
  const dataDir = join(home, 'data');
  const port = await freePort();
  const env = {
    LLMPROXY_CONFIG: config,
    LLMPROXY_DATA_DIR: dataDir,
    ADMIN_KEY: adminKey,
    ...(dbUrl === undefined ? {} : { DB_URL: dbUrl }),
  };
  const { pid, ready } = startProcess({
    name: 'llmproxy',
    command: process.execPath,
    args: [
      file,
      ...['serve', '--host', '127.0.0.1', '--port', String(port), '--log-level', 'error'],
      ...['--engine', engine, '--workers', String(workers)],
    ],
    env,
    closers,
  });
  await ready(port, '/health');
  const url = `http://127.0.0.1:${port}`;
  // One worker may serve before the others: the first change waits for all.
  const isReady = () =>
    fetch(`${url}/admin/v1/config/version`, { headers: { authorization: `Bearer ${adminKey}` } });
  while (!(await isReady()).ok) await pause(50);
  const admin: BenchGateway['admin'] = async (method, path, body) => {
    const answer = await fetch(`${url}/admin/v1${path}?wait=active`, {
      method,
      headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return JSON.parse(text);
  };
  const key = 'sk-client-of-the-bench-only';
  if (isNew) await admin('POST', '/credentials', { key, name: 'bench' });
  return {
    url,
    port,
    dataDir,
    env,
    key,
    adminKey,
    admin,
    async addProvider(provider_key, api_base, params = {}) {
      const row = { provider_key, api_base, api_key: 'k', ...params };
      const { provider } = await admin('POST', '/providers', row);
      return provider?.id ?? 0;
    },
    workers: () => workersOf(pid),
    pids: () => [pid, ...workersOf(pid)],
  };
}

/** A mock provider in a process of its own, killed by the closers. */
export async function startMock(
  closers: Closers,
  options?: MockProcessOptions,
): Promise<MockProcess> {
  const mock = await startMockProcess(options);
  closers.push(() => mock.end());
  return mock;
}

/** Changes a running mock, such as `{ failRate: 1 }`. */
export async function configure(mock: MockProcess, behaviour: object): Promise<void> {
  const body = JSON.stringify(behaviour);
  const { ok } = await fetch(new URL('/mock/config', mock.url), { method: 'POST', body });
  if (!ok) throw new Error('the mock provider refused its settings');
}

export function residentMiB(pid: number): number {
  const [, kib = 0] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) / 1024;
}

/** Proportional set size: a page shared by n processes counts 1/n for each. */
export function proportionalMiB(pid: number): number {
  const [, kib = 0] =
    /Pss:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')) ?? [];
  return Number(kib) / 1024;
}

/** Open files and connections. */
export function handlesOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function workersOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .map(Number)
    .filter((child) => readFileSync(`/proc/${child}/cmdline`, 'utf8').includes('llmproxy worker'));
}
