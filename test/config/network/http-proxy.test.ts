import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type HttpProxy, parseProxy, proxyFor } from '../../../src/config/network/http-proxy.js';

const none = { https_proxy: null, http_proxy: null, no_proxy: null };

test('the URL of a proxy is read with its port, user and password', () => {
  const read = (text: string) => {
    const { authorization, ...proxy } = parseProxy(text) as HttpProxy;
    const [, base64 = ''] = authorization?.split(' ') ?? [];
    return { ...proxy, credentials: Buffer.from(base64, 'base64').toString() };
  };
  assert.deepEqual(read('http://u:p%40ss@proxy.local:3128'), {
    isTls: false,
    hostname: 'proxy.local',
    port: 3128,
    name: 'proxy.local:3128',
    credentials: 'u:p@ss',
  });
  assert.deepEqual(read('proxy.local:8080').port, 8080);
  assert.deepEqual(read('http://proxy').port, 80);
  assert.deepEqual(read('https://[::1]'), {
    isTls: true,
    hostname: '::1',
    port: 443,
    name: '[::1]:443',
    credentials: '',
  });
  assert.equal((parseProxy('http://proxy') as HttpProxy).authorization, null);
});

test('an invalid proxy is refused without showing its password', () => {
  for (const [text, reason] of [
    ['socks5://u:secret@proxy:1080', /proxies of socks5:/],
    ['http://u:secret@proxy:99999', /is not the URL of a proxy/],
    ['http://u:secret@proxy/path', /has no path/],
    ['http://u:secret@proxy?x=1', /has no path/],
    ['http://u:secret%zz@proxy', /a "%" that is not written as %25/],
    ['', /is not the URL/],
  ] as const) {
    const problem = parseProxy(text);
    assert.equal(typeof problem, 'string', text);
    assert.match(String(problem), reason);
    assert.doesNotMatch(String(problem), /secret/);
  }
});

test('each scheme has its proxy, and the own one of a provider wins', () => {
  const settings = { ...none, https_proxy: 'http://a:1', http_proxy: 'http://b:2' };
  const nameFor = (origin: string, own: string | null = null, no_proxy: string | null = null) =>
    proxyFor(origin, own, { ...settings, no_proxy })?.name;
  assert.equal(nameFor('https://x.example'), 'a:1');
  assert.equal(nameFor('http://x.example'), 'b:2');
  assert.equal(nameFor('https://x.example', 'http://c:3'), 'c:3');
  assert.equal(nameFor('https://x.example', 'none'), undefined);
  assert.equal(nameFor('https://x.example', 'http://c:3', '*'), 'c:3');
  assert.equal(proxyFor('https://x.example', null, none), null);
  assert.equal(proxyFor('https://x.example', null, { ...none, http_proxy: 'http://b:2' }), null);
});

test('NO_PROXY names hosts, domains, addresses, networks and ports', () => {
  const settings = { ...none, https_proxy: 'http://a:1', http_proxy: 'http://a:1' };
  const isDirect = (no_proxy: string, origin: string) =>
    proxyFor(origin, null, { ...settings, no_proxy }) === null;
  for (const [list, direct, proxied] of [
    ['example.com', ['https://example.com', 'https://a.Example.com'], ['https://badexample.com']],
    ['.example.com', ['https://a.example.com'], ['https://other.com']],
    ['*.example.com', ['https://a.example.com'], ['https://example.org']],
    ['EXAMPLE.com:8443', ['https://example.com:8443'], ['https://example.com']],
    ['example.com:443', ['https://example.com'], ['http://example.com']],
    ['example.com:80', ['http://example.com'], ['https://example.com']],
    ['a.com, b.com c.com', ['https://a.com', 'https://b.com', 'https://c.com'], ['https://d.com']],
    ['10.0.0.0/8', ['http://10.1.2.3:8000'], ['http://11.1.2.3', 'http://host']],
    ['127.0.0.1', ['http://127.0.0.1:8000'], ['http://127.0.0.2']],
    ['127.0.0.1:8000', ['http://127.0.0.1:8000'], ['http://127.0.0.1:8001']],
    ['::1', ['http://[::1]:8000'], ['http://[::2]']],
    ['[::1]:8000', ['http://[::1]:8000'], ['http://[::1]:8001']],
    ['fd00::/8', ['http://[fd00::1]'], ['http://[fe00::1]']],
    ['*', ['http://anything', 'https://10.0.0.1'], []],
    ['', [], ['http://anything', 'https://10.0.0.1']],
    [',', [], ['http://anything']],
  ] as const) {
    for (const origin of direct) assert.ok(isDirect(list, origin), `${list}: ${origin}`);
    for (const origin of proxied) assert.ok(!isDirect(list, origin), `${list}: ${origin}`);
  }
});
