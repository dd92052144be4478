import assert from 'node:assert/strict';
import { test } from 'node:test';
import { descriptorsOf } from '../../src/daemon/workers/descriptors.js';
import { ConnectionCap } from '../../src/server/connection-cap.js';
import { netEngine } from '../../src/server/net.js';
import { nodeEngine } from '../../src/server/node.js';
import { until } from '../support/until.js';
import { rawClient } from './support.js';

test('an address gets no more than its share, which returns', () => {
  const cap = new ConnectionCap(2, (address) => address === '10.0.0.1');
  assert.ok(cap.opened('192.0.2.1'));
  assert.ok(cap.opened('192.0.2.1'));
  assert.ok(!cap.opened('192.0.2.1'));
  assert.ok(cap.opened('192.0.2.2'));
  cap.closed('192.0.2.1');
  assert.ok(cap.opened('192.0.2.1'));
  assert.ok(!cap.opened('192.0.2.1'));
  for (let i = 0; i < 5; i++) assert.ok(cap.opened('10.0.0.1'));
});

test('addresses of one IPv6 network share what one address may have', () => {
  const cap = new ConnectionCap(2, (address) => address === '2001:db8:0:1::9');
  assert.ok(cap.opened('2001:db8:0:1::1'));
  assert.ok(cap.opened('2001:db8:0:1:ffff::2'));
  assert.ok(!cap.opened('2001:db8:0:1::3'));
  assert.ok(cap.opened('2001:db8:0:1::9'), 'one that is exempt');
  assert.ok(cap.opened('2001:db8:0:2::1'));
  for (let i = 0; i < 2; i++) cap.closed('2001:db8:0:1::1');
  assert.ok(cap.opened('2001:db8:0:1::3'));
});

test('all addresses together are capped, and each refusal is reported', () => {
  let told = 0;
  const onFull = () => {
    told += 1;
  };
  const cap = new ConnectionCap(2, () => true, { max: 3, onFull });
  for (let i = 0; i < 3; i++) assert.ok(cap.opened(`192.0.2.${i}`));
  assert.equal(told, 0);
  assert.ok(!cap.opened('192.0.2.9'));
  assert.equal(told, 1);
  cap.closed('192.0.2.0');
  assert.ok(cap.opened('192.0.2.9'));
  assert.ok(!cap.opened('192.0.2.9'));
  assert.equal(told, 2);
});

test('clients may use half of the unreserved descriptors, and always a few', () => {
  const limits = [200, 1_024, 50];
  assert.deepEqual(
    limits.map((limit) => descriptorsOf(limit).maxClients),
    [68, 480, 8],
  );
});

for (const engine of [netEngine, nodeEngine]) {
  test(`${engine.name} closes a connection past the cap, and takes one when another has closed`, async (t) => {
    const server = await engine.listen({
      host: '127.0.0.1',
      port: 0,
      handler: (exchange) => exchange.respond(200, [], 'ok'),
      connectionCap: new ConnectionCap(2, () => false),
    });
    t.after(() => server.close());
    const [first, second] = [await rawClient(server.port), await rawClient(server.port)];
    const past = await rawClient(server.port);
    assert.equal((await past.closed).received, '');
    const ask = 'GET / HTTP/1.1\r\nhost: h\r\n\r\n';
    for (const client of [first, second]) {
      await client.send(ask);
      await client.until(/ok$/);
    }
    first.socket.destroy();
    await first.closed;
    const next = await until('a place', async () => {
      const client = await rawClient(server.port);
      await client.send(ask).catch(() => {});
      return (await client.until(/ok$/).catch(() => '')) !== '' && client;
    });
    next.socket.destroy();
    second.socket.destroy();
  });
}
