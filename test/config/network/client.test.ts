import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Clients, needsNoKey } from '../../../src/config/network/client.js';
import { Networks, networkProblem } from '../../../src/config/network/networks.js';

const trusted = ['127.0.0.1', '10.0.0.0/8', 'fd00::/8'];

function clientOf(
  peer: string,
  headers: Record<string, string> = {},
  settings: { trusted_proxies?: string[]; hosts?: string[]; proxy_protocol?: boolean } = {},
) {
  const clients = new Clients({
    trusted_proxies: [],
    hosts: [],
    proxy_protocol: false,
    ...settings,
  });
  return clients.of(peer, (name) => headers[name] ?? '');
}

test('a request over loopback without a proxy is local', () => {
  for (const peer of ['127.0.0.1', '127.8.8.8', '::1']) {
    for (const host of [
      '',
      'localhost:18000',
      'LOCALHOST',
      '127.0.0.1',
      '[::1]:80',
      'a.localhost.',
    ]) {
      assert.deepEqual(clientOf(peer, { host }), {
        address: peer,
        isLocal: true,
        hasForeignHost: false,
        isSecure: false,
      });
    }
  }
  assert.ok(!clientOf('192.0.2.1').isLocal);
});

test('any header of a proxy makes it not local', () => {
  for (const name of [
    'x-forwarded-for',
    'forwarded',
    'x-real-ip',
    'x-forwarded-host',
    'x-forwarded-proto',
    'via',
  ]) {
    assert.deepEqual(clientOf('127.0.0.1', { [name]: '127.0.0.1' }), {
      address: '127.0.0.1',
      isLocal: false,
      hasForeignHost: false,
      isSecure: false,
    });
  }
});

test('a request that another page has its browser send is not local', () => {
  for (const site of ['cross-site', 'same-site', 'whatever']) {
    const headers = { host: 'localhost', 'sec-fetch-site': site };
    assert.ok(!clientOf('127.0.0.1', headers).isLocal, site);
  }
  for (const site of ['none', 'same-origin']) {
    assert.ok(clientOf('127.0.0.1', { host: 'localhost', 'sec-fetch-site': site }).isLocal, site);
  }
});

test('nothing is local behind a trusted proxy', () => {
  const { isLocal, address } = clientOf('127.0.0.1', {}, { trusted_proxies: trusted });
  assert.deepEqual([isLocal, address], [false, '127.0.0.1']);
});

test('clients on a unix socket are never local, and trusted only by the settings', () => {
  const forwarded = { 'x-forwarded-for': '203.0.113.5, 198.51.100.1' };
  for (const headers of [{}, forwarded]) {
    const { isLocal, address } = clientOf('unix:', headers, { trusted_proxies: trusted });
    assert.deepEqual([isLocal, address], [false, 'unix:']);
  }
  const told = clientOf('unix:', forwarded, { trusted_proxies: ['unix:'] });
  assert.deepEqual([told.isLocal, told.address], [false, '198.51.100.1']);
  const proxies = { trusted_proxies: ['unix:', ...trusted] };
  assert.equal(clientOf('unix:', { 'x-forwarded-for': '10.0.0.9' }, proxies).address, '10.0.0.9');
  assert.equal(clientOf('unix:', {}, proxies).address, 'unix:');
  assert.equal(
    clientOf('192.0.2.1', forwarded, { trusted_proxies: ['unix:'] }).address,
    '192.0.2.1',
  );
});

test('nothing is local where a PROXY header may name the peer', () => {
  const { isLocal, address } = clientOf('127.0.0.1', {}, { proxy_protocol: true });
  assert.deepEqual([isLocal, address], [false, '127.0.0.1']);
});

test('only a trusted proxy may name the client', () => {
  const of = (peer: string, list: string) =>
    clientOf(peer, { 'x-forwarded-for': list }, { trusted_proxies: trusted }).address;
  assert.equal(of('192.0.2.9', '198.51.100.1'), '192.0.2.9');
  assert.equal(of('127.0.0.1', '198.51.100.1'), '198.51.100.1');
  assert.equal(of('127.0.0.1', '203.0.113.5, 198.51.100.1,10.2.3.4'), '198.51.100.1');
  assert.equal(of('10.2.3.4', 'nonsense, 10.0.0.9'), '10.0.0.9');
  assert.equal(of('10.2.3.4', ''), '10.2.3.4');
  assert.equal(of('fd12::1', '198.51.100.1:4711'), '198.51.100.1');
  assert.equal(of('fd12::1', '[2001:db8::1]:4711'), '2001:db8::1');
  assert.equal(of('fd12::1', '::ffff:198.51.100.1'), '198.51.100.1');
});

test('only a trusted proxy may say that the client came by TLS', () => {
  const of = (peer: string, scheme: string) =>
    clientOf(peer, { 'x-forwarded-proto': scheme }, { trusted_proxies: trusted }).isSecure;
  assert.ok(of('127.0.0.1', 'https'));
  assert.ok(of('10.2.3.4', 'http, HTTPS'));
  assert.ok(!of('127.0.0.1', 'https, http'));
  assert.ok(!of('127.0.0.1', 'http'));
  assert.ok(!of('127.0.0.1', 'nothttps'));
  assert.ok(!of('192.0.2.9', 'https'));
});

test('a host other than this machine is foreign to local requests, and to all where hosts are listed', () => {
  const evil = { host: 'evil.example:18000' };
  assert.deepEqual(clientOf('127.0.0.1', evil), {
    address: '127.0.0.1',
    isLocal: false,
    hasForeignHost: true,
    isSecure: false,
  });
  assert.ok(clientOf('127.0.0.1', { host: 'localhost.evil.example' }).hasForeignHost);
  assert.ok(!clientOf('192.0.2.1', evil).hasForeignHost);
  assert.ok(!clientOf('127.0.0.1', { ...evil, 'x-forwarded-for': '192.0.2.1' }).hasForeignHost);
  const hosts = ['LLM.example.com'];
  assert.ok(clientOf('192.0.2.1', evil, { hosts }).hasForeignHost);
  for (const host of ['llm.example.com', 'llm.example.com:443', '192.0.2.7', 'localhost']) {
    assert.ok(!clientOf('192.0.2.1', { host }, { hosts }).hasForeignHost, host);
  }
  assert.ok(clientOf('127.0.0.1', { host: 'llm.example.com' }, { hosts }).isLocal);
});

test('networks contain addresses, and invalid entries are named', () => {
  const networks = new Networks(['192.0.2.7', '10.0.0.0/8', '2001:db8::/32', '::1']);
  for (const address of ['192.0.2.7', '10.255.0.1', '2001:db8:9::1', '::1']) {
    assert.ok(networks.has(address), address);
  }
  for (const address of ['192.0.2.8', '11.0.0.1', '2001:db9::1', '::2', '', 'local']) {
    assert.ok(!networks.has(address), address);
  }
  assert.ok(!new Networks([]).has('192.0.2.7'));
  for (const entry of ['10.0.0.0/8', '10.0.0.1', '::/0', '0.0.0.0/0', 'fd00::/128', '1.2.3.4/32']) {
    assert.equal(networkProblem(entry), null, entry);
  }
  for (const entry of ['', 'a', '10.0.0.0/33', '::1/129', '10.0.0/8', '10.0.0.0/', '10.0.0.0/x']) {
    assert.match(networkProblem(entry) ?? '', /neither an IP address nor a network/, entry);
  }
});

test('the need for a key depends on the setting, the client and the listener', () => {
  const hosts = ['127.0.0.1', '0.0.0.0'];
  const all = (access: 'auto' | 'local' | 'open' | 'admin') =>
    hosts.flatMap((host) => [true, false].map((isLocal) => needsNoKey(access, isLocal, host)));
  assert.deepEqual(all('auto'), [true, false, false, false]);
  assert.deepEqual(all('local'), [true, false, true, false]);
  assert.deepEqual(all('open'), [true, true, true, true]);
  assert.deepEqual(all('admin'), [false, false, false, false]);
});
