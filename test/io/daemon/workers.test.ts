import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { startDaemon } from '../../support/daemon.js';
import { engines } from '../../support/engines.js';
import { until } from '../../support/until.js';

for (const { engine, skip } of engines) {
  const reason = existsSync('/proc/net/tcp') ? skip : 'needs /proc';
  test(`two workers share the port on ${engine}`, { skip: reason }, async (t) => {
    const daemon = await startDaemon(t, { engine, workers: 2 });
    const pids = daemon.workerPids();
    assert.equal(pids.length, 2);
    const agent = new Agent({ keepAlive: true });
    t.after(() => agent.destroy());
    const served = await until('connections to both', async () => {
      await Promise.all(Array.from({ length: 64 }, () => health(daemon.url, agent)));
      const counts = pids.map((pid) => connectionsOf(pid, daemon.port));
      return counts.every((count) => count > 0) && counts;
    });
    t.diagnostic(`connections: ${served.join(' and ')}`);
  });
}

test('SIGUSR1 opens no debugger, which every user of the machine could use', async (t) => {
  const daemon = await startDaemon(t);
  for (const pid of [daemon.pid, ...daemon.workerPids()]) process.kill(pid, 'SIGUSR1');
  const agent = new Agent();
  for (let i = 0; i < 5; i++) {
    await health(daemon.url, agent);
    await setTimeout(100);
  }
  assert.doesNotMatch(daemon.output(), /debugger/i);
});

function health(url: string, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/health`, { agent }, (response) => {
      assert.equal(response.statusCode, 200);
      response.resume().on('end', resolve);
    });
    sent.on('error', reject).end();
  });
}

/** Counts a process's established connections to this local port. */
function connectionsOf(pid: number, port: number): number {
  const established = '01';
  const hex = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const inodes = new Set<string>();
  for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1)) {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
    if (local?.endsWith(hex) && state === established && inode) inodes.add(`socket:[${inode}]`);
  }
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).filter((fd) => {
    try {
      return inodes.has(readlinkSync(`${folder}/${fd}`));
    } catch {
      return false;
    }
  }).length;
}
