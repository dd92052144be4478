import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { daemonTag } from '../../../src/daemon/fleet/identity.js';
import { Peers } from '../../../src/daemon/fleet/peers.js';
import type { DaemonRow } from '../../../src/db/queries/fleet/daemons.js';
import { daemonHeader } from '../../../src/proxy/health.js';
import { freePort } from '../../support/free-port.js';
import { until } from '../../support/until.js';

const silentMs = 1_500;

/** A listener that answers in the name of a daemon. */
async function startListener(t: TestContext, id: () => string) {
  let asked = 0;
  const server = createServer((_, response) => {
    asked++;
    response.setHeader(daemonHeader, daemonTag(id()));
    response.end('{}');
  }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  return { url: urlOf(server), asked: () => asked, server };
}

const urlOf = (server: Pick<Server, 'address'>) =>
  `http://127.0.0.1:${(server.address() as { port: number }).port}`;

function row(url: string, age_ms: number, fields: Partial<DaemonRow> = {}): DaemonRow {
  const times = { started_at: new Date(), heartbeat: new Date(), age_ms };
  const plain = { id: 'd', host: 'h', version: '1', pid: 1, workers: 1, listeners: [url] };
  const report = { config_version: 1, shares_limits: true, limit_store: 'postgres' };
  const place = { place: 'p', machine: 'm', processes: [] };
  return { ...plain, state: 'serving', ...report, ...place, ...times, ...fields };
}

/** Looks often enough that an address counts as a daemon's own. */
async function prove(peers: Peers, url: string, asked: () => number): Promise<void> {
  await until('three answers', () => {
    peers.look([row(url, 0)], 0);
    return asked() >= 3;
  });
  // An address that is proven is left alone for a while.
  await until('no further look', async () => {
    const before = asked();
    peers.look([row(url, 0)], 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    return asked() === before;
  });
}

test('a silent daemon is dead if nothing listens any more at an address that was its own', async (t) => {
  const peers = new Peers();
  const { url, asked, server } = await startListener(t, () => 'd');
  await prove(peers, url, asked);
  peers.look([row(url, silentMs)], 2);
  await until('an answer', () => peers.isAlive('d'));
  assert.equal(peers.isDead('d'), false);
  server.close();
  await until('its end', () => {
    peers.look([row(url, silentMs)], 3);
    return peers.isDead('d');
  });
  assert.equal(peers.isAlive('d'), false);
  peers.look([row(url, 0)], 4);
  assert.equal(peers.isDead('d'), false, 'it has a heartbeat again');
});

test('a refusal proves nothing where the address was never the daemon’s own', async (t) => {
  const peers = new Peers();
  const nobody = `http://127.0.0.1:${await freePort()}`;
  const other = await startListener(t, () => 'other');
  for (const url of [nobody, other.url]) {
    for (let nowMs = 0; nowMs < 50_000; nowMs += 10_000) {
      peers.look([row(url, 0)], nowMs);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    other.server.close();
    peers.look([row(url, silentMs)], 60_000);
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(peers.isDead('d'), false, url);
    assert.equal(peers.isAlive('d'), false, url);
  }
});

test('the address of a load balancer, which others answer at too, is not proven', async (t) => {
  const peers = new Peers();
  let turn = 0;
  const { url, asked, server } = await startListener(t, () => (turn++ % 3 === 2 ? 'e' : 'd'));
  for (let nowMs = 0; asked() < 9; nowMs += 10_000) {
    peers.look([row(url, 0)], nowMs);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  server.close();
  peers.look([row(url, silentMs)], 1_000_000);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(peers.isDead('d'), false);
});

test('a daemon that accepts and does not answer, or that drains, is not taken for dead', async (t) => {
  const peers = new Peers();
  const { url, asked, server } = await startListener(t, () => 'd');
  await prove(peers, url, asked);
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  peers.look([row(url, silentMs, { state: 'draining' })], 2);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(peers.isDead('d'), false, 'it listens no more, and may still serve');
  const mute = createTcpServer((socket) => {
    socket.on('error', () => {});
    t.after(() => socket.destroy());
  }).listen(port, '127.0.0.1');
  t.after(() => mute.close());
  await once(mute, 'listening');
  peers.look([row(url, silentMs)], 3);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  assert.equal(peers.isDead('d'), false);
  assert.equal(peers.isAlive('d'), false);
});

test('a daemon whose row is gone is forgotten', async (t) => {
  const peers = new Peers();
  const { url, asked, server } = await startListener(t, () => 'd');
  await prove(peers, url, asked);
  server.close();
  peers.look([], 2);
  peers.look([row(url, silentMs)], 3);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(peers.isDead('d'), false, 'nothing is known of its address any more');
});

test('a daemon that did not answer at once is asked again soon, a few times', async (t) => {
  const peers = new Peers();
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const look = async () => {
    peers.look([row(url, 0)], 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
  };
  await look();
  await look();
  let asked = 0;
  let name = 'other';
  const server = createServer((_, response) => {
    asked++;
    response.setHeader(daemonHeader, daemonTag(name));
    response.end('{}');
  }).listen(port, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  for (let n = 0; n < 20; n++) await look();
  assert.ok(asked > 0 && asked <= 9, `asked ${asked} times`);
  name = 'd';
  const before = asked;
  await look();
  assert.equal(asked, before, 'later only from time to time');
});
