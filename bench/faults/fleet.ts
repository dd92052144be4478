/**
 * Counts what a limit lets pass, and rows lost, in a fleet of three daemons on hosts of their own (network
 * and process namespaces, a delay on the way to the store): while all is well, with one killed, with one
 * cut off from everything, while the store restarts, and when PostgreSQL's primary is lost and its
 * standby promoted. `--valkey 1` leases from a Valkey. Needs root; says why where it cannot run.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { hashKey, previewKey } from '../../src/config/secrets/credential-key.js';
import type { Sql } from '../../src/db/client.js';
import { superuser } from '../../src/db/embedded/access.js';
import { migrateUp } from '../../src/db/migrate.js';
import { type OwnServer, startOwnServer, startStandby } from '../../test/support/own-server.js';
import type { Closers } from '../closers.js';
import { temporaryDirectory } from '../directory.js';
import { type Answered, longestWithout, medianMs, mostOver, usedPart } from './fleet-figures.js';
import { executable } from './gateway.js';
import { makeHosts, noNamespaces, type TestHost } from './namespaces.js';
import { printTable, run, say } from './report.js';

const key = 'sk-client-of-the-bench-only';
const ports = { primary: 5432, standby: 5433, valkey: 6379, gateway: 18_000, provider: 18_800 };
/** Longer than a lease, so that all states settle. */
const settleMs = 4_000;

const script = (name: string) => fileURLToPath(new URL(`./${name}.js`, import.meta.url));

await run({ seconds: 8, rate: 60, 'delay-ms': 5, valkey: 0 }, async (options, closers) => {
  const { seconds, rate, 'delay-ms': delayMs, valkey } = options;
  const why = noNamespaces();
  if (why !== null) return say(`skipped: ${why}`);
  const valkeyExecutable = ['valkey-server', 'redis-server'].find(
    (name) => spawnSync(name, ['--version']).status === 0,
  );
  if (valkey > 0 && !valkeyExecutable) return say('skipped: there is no Valkey or Redis');
  const hooks = { after: closers.push };
  const primary = await startOwnServer(hooks);
  const { sql } = primary;
  await migrateUp(sql);
  const standby = await startStandby(hooks, primary);
  // A row counts as stored once the standby has it too.
  await sql`ALTER SYSTEM SET synchronous_standby_names = '*'`;
  await sql`SELECT pg_reload_conf()`;
  const [store, ...hosts] = makeHosts(closers, ['store', 'gw1', 'gw2', 'gw3']) as [
    TestHost,
    ...TestHost[],
  ];
  const relay = (port: number, target: string) =>
    start(
      closers,
      [...store.command, process.execPath, script('delaying-relay')],
      [...[store.address, String(port), target, String(delayMs)]],
    );
  relay(ports.primary, primary.socket);
  relay(ports.standby, standby.socket);
  const servers = `${store.address}:${ports.primary},${store.address}:${ports.standby}`;
  const env: Record<string, string> = {
    DB_URL: `postgres://${superuser}@${servers}/postgres`,
  };
  const startValkey = () =>
    start(
      closers,
      [...store.command, valkeyExecutable ?? ''],
      [...['--bind', '127.0.0.1', '--port', '6380', '--save', '', '--appendonly', 'no']],
    );
  let valkeyServer = valkey > 0 ? startValkey() : null;
  if (valkeyServer) {
    relay(ports.valkey, '6380');
    env.FLEET_VALKEY_URL = `redis://${store.address}:${ports.valkey}`;
  }
  const node = (host: TestHost, args: readonly string[], more: Record<string, string> = {}) => {
    // Process ids of one host mean nothing on another.
    const own = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child', process.execPath];
    return start(closers, [...host.command, ...own], args, { ...env, ...more });
  };
  const homes = hosts.map(() => temporaryDirectory(closers));
  const serve = (index: number) => {
    const host = hosts[index] as TestHost;
    const home = homes[index] ?? '';
    const listen = ['--host', host.address, '--port', String(ports.gateway), '--workers', '2'];
    // The daemons have no common key to decrypt with.
    const more = { LLMPROXY_DATA_DIR: join(home, 'data'), PROVIDER_KEY: 'k' };
    return node(host, [executable, 'serve', ...listen], more);
  };

  await addRows(primary, rate);
  const daemons = hosts.map((_, index) => serve(index));
  await untilServing(sql, 3);
  const floods: ChildProcess[] = [];
  const answered: (Answered & { host: string })[] = [];
  for (const host of hosts) {
    node(host, [executable, 'mock-provider', '--port', String(ports.provider)]);
    const flood = node(host, [
      script('flood-process'),
      `http://${host.address}:${ports.gateway}`,
      key,
      // All hosts that are left ask for more than the limit.
      String(Math.ceil((rate * 2) / 3)),
    ]);
    floods.push(flood);
    let rest = '';
    flood.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const [sentMs = 0, atMs = 0, status = 0] = line.split(' ').map(Number);
        answered.push({ host: host.name, sentMs, atMs, status });
      }
    });
  }
  const rows: Record<string, string | number>[] = [];
  let sinceMs = Date.now() + settleMs;
  const measure = async (phase: string, killed?: string) => {
    say(phase);
    await pause(settleMs);
    const fromMs = Date.now();
    await pause(seconds * 1_000);
    const untilMs = Date.now();
    const perSecond = (wanted: number, host?: string) => {
      const served = answered.filter(
        (each) =>
          each.status === wanted &&
          (!host || each.host === host) &&
          each.atMs >= fromMs &&
          each.atMs < untilMs,
      );
      return (served.length * 1_000) / (untilMs - fromMs);
    };
    const each = hosts.map(({ name }) => [name, Math.round(perSecond(200, name))]);
    // With what has happened since the phase before.
    const alive = answered.filter(({ host, atMs }) => host !== killed && atMs >= sinceMs);
    const without = hosts
      .filter(({ name }) => name !== killed)
      .map(({ name }) =>
        longestWithout(
          alive.filter(({ host, status }) => host === name && status === 200),
          sinceMs,
          untilMs,
        ),
      );
    sinceMs = untilMs;
    rows.push({
      phase,
      limit: rate,
      'served/s': Math.round(perSecond(200)),
      'used, %': Math.round(usedPart(answered, rate, fromMs, untilMs) * 100),
      'refused/s': Math.round(perSecond(429)),
      ...Object.fromEntries(each),
      failed: alive.filter(({ status }) => status !== 200 && status !== 429).length,
      'longest without, s': Math.max(...without) / 1_000,
      'median, ms': medianMs(alive),
    });
  };

  await measure('all three');
  daemons[0]?.kill('SIGKILL');
  await measure('gw1 killed', 'gw1');
  daemons[0] = serve(0);
  await untilServing(sql, 3);
  // The time in which it was down is none without an answer.
  sinceMs = Date.now();
  hosts[1]?.connect(false);
  await measure('gw2 cut off');
  hosts[1]?.connect(true);
  await measure('gw2 back');
  if (valkeyServer) {
    valkeyServer.kill('SIGKILL');
    await pause(5_000);
    valkeyServer = startValkey();
  } else {
    primary.kill();
    await pause(5_000);
    await primary.stop();
    await primary.start();
  }
  await measure('store restarted');
  primary.kill();
  await pause(5_000);
  await standby.sql`SELECT pg_promote()`;
  await measure('PostgreSQL failed over');
  printTable(rows);

  for (const flood of floods) flood.kill('SIGKILL');
  const burst = rate;
  const served = answered.filter(({ status }) => status === 200).sort((a, b) => a.atMs - b.atMs);
  const [first, last] = [served[0]?.sentMs ?? 0, served.at(-1)?.atMs ?? 0];
  await pause(settleMs);
  const [stored] = await standby.sql`
    SELECT count(DISTINCT request_id)::int AS rows FROM request_logs WHERE status = 200`;
  printTable([
    {
      'served in all': served.length,
      'at most': Math.floor(((last - first) / 1_000) * rate + burst),
      'most over in a span': Math.round(mostOver(served, rate, burst)),
      'rows stored': Number(stored?.rows),
    },
  ]);
});

async function addRows({ sql }: OwnServer, rate: number): Promise<void> {
  await sql`INSERT INTO providers (provider_key, api_base, api_key)
    VALUES ('mock', ${`http://127.0.0.1:${ports.provider}/v1`}, 'env:PROVIDER_KEY')`;
  await sql`INSERT INTO credentials (credential_key, key_preview, name, rate_limit)
    VALUES (${hashKey(key)}, ${previewKey(key)}, 'bench', ${rate})`;
}

async function untilServing(sql: Sql, count: number): Promise<void> {
  const giveUpMs = performance.now() + 60_000;
  for (;;) {
    const rows = await sql`SELECT FROM daemons WHERE state = 'serving' AND shares_limits
      AND heartbeat > clock_timestamp() - interval '2 seconds'`;
    if (rows.length >= count) return;
    if (performance.now() > giveUpMs) throw new Error(`${rows.length} of ${count} daemons serve`);
    await pause(100);
  }
}

/** Starts a process that the closers kill, with all that it has started in its namespace. */
function start(
  closers: Closers,
  [file = '', ...words]: readonly string[],
  args: readonly string[],
  env: Record<string, string> = {},
): ChildProcess {
  const child = spawn(file, [...words, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.stdout?.resume();
  closers.push(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  return child;
}
