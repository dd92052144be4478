import assert from 'node:assert/strict';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { callerOnListener, callerOnSocket } from '../../../src/admin/access/caller.js';
import { Clients } from '../../../src/config/network/client.js';

/** @param remoteAddress undefined on a unix socket, and once a connection was reset. */
function message(headers: Record<string, string>, remoteAddress?: string): IncomingMessage {
  const socket = Object.defineProperty(new Socket(), 'remoteAddress', { value: remoteAddress });
  return Object.assign(new IncomingMessage(socket), { headers });
}

const relayed = { 'x-llmproxy-endpoint': '/metrics' };

test('on the control socket a command is local', () => {
  assert.deepEqual(callerOnSocket(message({}), '0.0.0.0'), {
    address: 'local',
    isLocal: true,
    listenHost: 'localhost',
    endpoint: null,
    commandUser: null,
    isSecure: false,
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
    isSecure: false,
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
  const forgery = { ...relayed, host: 'localhost', 'x-forwarded-for': '127.0.0.1' };
  const forged = message(forgery, '::ffff:127.0.0.1');
  assert.deepEqual(callerOnListener(forged, clients, '127.0.0.1'), {
    address: '127.0.0.1',
    isLocal: false,
    listenHost: '127.0.0.1',
    endpoint: null,
    commandUser: null,
    isSecure: false,
  });
  const evil = message({ host: 'evil.example' }, '127.0.0.1');
  assert.throws(() => callerOnListener(evil, clients, '127.0.0.1'), { code: 'permission_denied' });
  const { isLocal, listenHost } = callerOnListener(evil, clients, null);
  assert.deepEqual([isLocal, listenHost], [true, 'localhost'], 'no browser reaches a unix socket');
});

test('a client whose connection was reset is not local', () => {
  const clients = new Clients({ trusted_proxies: ['unix:'], hosts: [], proxy_protocol: false });
  const forwarded = { host: 'localhost', 'x-forwarded-for': '127.0.0.1' };
  for (const headers of [{ host: 'localhost' }, forwarded]) {
    const { address, isLocal } = callerOnListener(message(headers), clients, '0.0.0.0');
    assert.deepEqual([address, isLocal], ['', false]);
  }
});

test('on a unix socket only a trusted proxy names the client', () => {
  const of = (trusted_proxies: string[], headers: Record<string, string>) => {
    const clients = new Clients({ trusted_proxies, hosts: [], proxy_protocol: false });
    const { address, isLocal } = callerOnListener(message(headers), clients, null);
    return [address, isLocal];
  };
  const forwarded = { 'x-forwarded-for': '192.0.2.1' };
  assert.deepEqual(of([], {}), ['127.0.0.1', true]);
  assert.deepEqual(of([], forwarded), ['127.0.0.1', false]);
  assert.deepEqual(of(['unix:'], {}), ['unix:', false]);
  assert.deepEqual(of(['unix:'], forwarded), ['192.0.2.1', false]);
});
