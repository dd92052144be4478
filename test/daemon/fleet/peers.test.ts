import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { daemonTag } from '../../../src/daemon/fleet/identity.js';
import { Peers } from '../../../src/daemon/fleet/peers.js';
import type { DaemonRow } from '../../../src/db/queries/fleet/daemons.js';
import { daemonHeader, shareHeader } from '../../../src/proxy/health.js';
import { freePort } from '../../support/free-port.js';
import { until } from '../../support/until.js';

const silentMs = 1_500;

/** A listener that answers in the name of a daemon. */
async function startListener(t: TestContext, id: () => string, share = () => '') {
  let asked = 0;
  const server = createServer(({ headers }, response) => {
    asked++;
    const isKnown = headers[daemonHeader] === 'tag-of-this-one';
    if (isKnown && share() !== '') response.setHeader(shareHeader, share());
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
  const peers = new Peers('tag-of-this-one');
  const { url, asked, server } = await startListener(t, () => 'd');
  await prove(peers, url, asked);
  peers.look([row(url, silentMs)], 2);
  await until('an answer', () => peers.aliveAt('d') === 2);
  assert.equal(peers.isDead('d'), false);
  server.close();
  await until('its end', () => {
    peers.look([row(url, silentMs)], 3);
    return peers.isDead('d');
  });
  assert.equal(peers.aliveAt('d'), 2, 'it has not answered since');
  peers.look([row(url, 0)], 4);
  assert.equal(peers.isDead('d'), false, 'it has a heartbeat again');
  assert.equal(peers.aliveAt('d'), null);
});

test('a refusal proves nothing where the address was never the daemon’s own', async (t) => {
  const peers = new Peers('tag-of-this-one');
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
    assert.equal(peers.aliveAt('d'), null, url);
  }
});

test('the address of a load balancer, which others answer at too, is not proven', async (t) => {
  const peers = new Peers('tag-of-this-one');
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
  const peers = new Peers('tag-of-this-one');
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
  assert.equal(peers.aliveAt('d'), null);
});

test('a daemon whose row is gone is forgotten', async (t) => {
  const peers = new Peers('tag-of-this-one');
  const { url, asked, server } = await startListener(t, () => 'd');
  await prove(peers, url, asked);
  server.close();
  peers.look([], 2);
  peers.look([row(url, silentMs)], 3);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(peers.isDead('d'), false, 'nothing is known of its address any more');
});

test('a daemon that is cut off asks the others for its share', async (t) => {
  const peers = new Peers('tag-of-this-one');
  const said = { d: '', e: '' };
  const one = await startListener(
    t,
    () => 'd',
    () => said.d,
  );
  const two = await startListener(
    t,
    () => 'e',
    () => said.e,
  );
  const rows = [row(one.url, 0), row(two.url, 0, { id: 'e' })];
  const ids = ['d', 'e'];
  assert.equal(peers.canAsk(ids), false, 'nothing is known of them');
  assert.equal(peers.canAsk([]), true);
  await prove(peers, one.url, one.asked);
  assert.equal(peers.canAsk(ids), true, 'two of three are most');
  assert.equal(peers.canAsk([...ids, 'f']), false, 'two of four are not');
  const ask = async (nowMs: number) => {
    const [first, second] = [one.asked(), two.asked()];
    await until('their answers', () => {
      peers.look(rows, nowMs, true);
      return one.asked() > first && two.asked() > second;
    });
    // Answers to questions that are asked by now.
    await new Promise((resolve) => setTimeout(resolve, 50));
  };
  await ask(1_000);
  assert.equal(peers.confirmShare(ids, 1_000), false);
  said.e = '2500';
  await ask(2_000);
  assert.equal(peers.confirmShare(ids, 4_400), true, 'one reserves it');
  assert.equal(peers.confirmShare(ids, 4_600), false, 'not for ever');
  assert.equal(peers.confirmShare(['d'], 4_400), false, 'not that one');
  said.e = 'away';
  await ask(5_000);
  assert.equal(peers.confirmShare(ids, 6_000), true, 'most of three do not reach the store');
  assert.equal(peers.confirmShare([...ids, 'f'], 6_000), false, 'two of four may');
  assert.equal(peers.confirmShare(ids, 6_600), false, 'it may be back');
  said.e = '';
  await ask(6_000);
  assert.equal(peers.confirmShare(ids, 6_100), false);
});
