import assert from 'node:assert/strict';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { callerOnListener, callerOnSocket } from '../../src/admin/caller.js';
import { Clients } from '../../src/config/client.js';

function message(headers: Record<string, string>): IncomingMessage {
  return Object.assign(new IncomingMessage(new Socket()), { headers });
}

const relayed = { 'x-llmproxy-endpoint': '/metrics' };

test('on the control socket a command is local', () => {
  assert.deepEqual(callerOnSocket(message({}), '0.0.0.0'), {
    address: 'local',
    isLocal: true,
    listenHost: 'localhost',
    endpoint: null,
    commandUser: null,
  });
});

test('only on the control socket a command names its user', () => {
  const named = (user: string, more = {}) => message({ 'x-llmproxy-user': user, ...more });
  const userOf = (user: string) => callerOnSocket(named(user), '0.0.0.0').commandUser;
  assert.equal(userOf('cli:zo%C3%AB%20b@host'), 'cli:zoë b@host');
  for (const wrong of ['', 'admin:root', 'cli:', 'cli:a%0Ab', 'cli:%', `cli:${'x'.repeat(301)}`]) {
    assert.equal(userOf(wrong), null, wrong);
  }
  const forged = named('cli:root@host', { ...relayed, 'x-forwarded-for': '127.0.0.1' });
  assert.equal(callerOnSocket(forged, '0.0.0.0').commandUser, null);
  const clients = new Clients({ trusted_proxies: [], hosts: [], proxy_protocol: false });
  const listened = callerOnListener(named('cli:root@host', { host: 'localhost' }), clients, null);
  assert.equal(listened.commandUser, null);
});

test('a worker reports its client, and a possible proxy in between', () => {
  const of = (addresses: string) =>
    callerOnSocket(message({ ...relayed, 'x-forwarded-for': addresses }), '0.0.0.0');
  assert.deepEqual(of('127.0.0.1'), {
    address: '127.0.0.1',
    isLocal: true,
    listenHost: '0.0.0.0',
    endpoint: '/metrics',
    commandUser: null,
  });
  const { address, isLocal } = of('192.0.2.1, 127.0.0.1');
  assert.deepEqual([address, isLocal], ['192.0.2.1', false]);
});

test('a request relayed by a worker of another version is not taken for a command', () => {
  assert.throws(() => callerOnSocket(message({ 'x-forwarded-for': '127.0.0.1' }), '127.0.0.1'), {
    code: 'unavailable',
  });
  const { endpoint } = callerOnSocket(message(relayed), '127.0.0.1');
  assert.equal(endpoint, null, 'but no worker leaves out the address');
});

test('on the admin listener, a client may claim neither an endpoint nor another Host', () => {
  const clients = new Clients({ trusted_proxies: [], hosts: [], proxy_protocol: false });
  const forged = message({ ...relayed, host: 'localhost', 'x-forwarded-for': '127.0.0.1' });
  assert.deepEqual(callerOnListener(forged, clients, '127.0.0.1'), {
    address: '127.0.0.1',
    isLocal: false,
    listenHost: '127.0.0.1',
    endpoint: null,
    commandUser: null,
  });
  const evil = message({ host: 'evil.example' });
  assert.throws(() => callerOnListener(evil, clients, '127.0.0.1'), { code: 'permission_denied' });
  const { isLocal, listenHost } = callerOnListener(evil, clients, null);
  assert.deepEqual([isLocal, listenHost], [true, 'localhost'], 'no browser reaches a unix socket');
});
