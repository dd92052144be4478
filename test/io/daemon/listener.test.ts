import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { json } from '../../cli/llmproxy.js';
import { first, second } from '../../server/certificates.js';
import { spawnServe } from '../../support/daemon.js';
import { testDatabase, testDirectory } from '../../support/postgres.js';
import { until } from '../../support/until.js';

const health = 'GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';

test('the daemon speaks TLS behind a PROXY header, and renews its certificate', async (t) => {
  const home = testDirectory();
  const [cert, key] = [join(home, 'tls.crt'), join(home, 'tls.key')];
  const write = (pair: { cert: string; key: string }) => {
    writeFileSync(cert, pair.cert);
    writeFileSync(key, pair.key);
  };
  write(first);
  const server = { tls: { cert, key }, trusted_proxies: ['127.0.0.1'], proxy_protocol: true };
  const daemon = await spawnServe(t, { home, settings: { server } });
  const { url } = await daemon.waitFor('ready');
  const { protocol, port } = new URL(String(url));
  assert.equal(protocol, 'https:');
  const ask = async (name: string, ca: string) => {
    const below = connect(Number(port), '127.0.0.1');
    below.write('PROXY TCP4 192.0.2.7 10.0.0.1 4660 80\r\n');
    const socket = connectTls({ socket: below, ca, servername: name }).setEncoding('latin1');
    socket.write(health);
    let answer = '';
    for await (const piece of socket) answer += piece;
    return answer;
  };
  assert.match(await ask('first', first.cert), /^HTTP\/1.1 200 /);

  writeFileSync(cert, 'nonsense');
  daemon.kill('SIGHUP');
  const { message } = await daemon.waitFor('certificate_rejected');
  assert.match(message, /tls\.crt and .+tls\.key cannot be used/);
  assert.match(await ask('first', first.cert), /^HTTP\/1.1 200 /);

  write(second);
  daemon.kill('SIGHUP');
  await daemon.waitFor('certificate_renewed');
  assert.match(await ask('second', second.cert), /^HTTP\/1.1 200 /);
  daemon.kill('SIGTERM');
  assert.equal((await daemon.exited).code, 0);
});

test('the daemon serves on a unix socket', async (t) => {
  const home = testDirectory();
  const path = join(home, 'http.sock');
  const daemon = await spawnServe(t, { home, host: `unix:${path}` });
  await daemon.waitFor('ready');
  let answer = '';
  for await (const piece of connect(path).setEncoding('latin1').end(health)) answer += piece;
  assert.match(answer, /HTTP\/1.1 200 /);
  daemon.kill('SIGTERM');
  assert.equal((await daemon.exited).code, 0);
});

test('a proxy on a unix socket is believed about the client only where it is trusted', async (t) => {
  for (const trusted_proxies of [[], ['unix:']]) {
    const home = testDirectory();
    const path = join(home, 'http.sock');
    const database = await testDatabase(t);
    const settings = { server: { trusted_proxies } };
    const daemon = await spawnServe(t, { home, host: `unix:${path}`, database, settings });
    await daemon.waitFor('ready');
    const get = async (target: string, ...fields: string[]) => {
      const lines = [`GET ${target} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...fields];
      let answer = '';
      const socket = connect(path).setEncoding('latin1');
      for await (const piece of socket.end(`${lines.join('\r\n')}\r\n\r\n`)) answer += piece;
      return Number(answer.slice(9, 12));
    };
    const added = ['keys', 'create', 'near', '--allowed-ips', '198.51.100.0/24', '--json'];
    const { key } = await json(daemon.cli(added));
    daemon.secrets.add(key);
    const [own, client] = [
      `Authorization: Bearer ${key}`,
      'X-Forwarded-For: 10.9.9.9, 198.51.100.7',
    ];
    await until('the key', async () => (await get('/v1/models', own)) !== 401);
    assert.equal(await get('/v1/models', own), 403);
    assert.equal(await get('/v1/models', own, client), trusted_proxies.length > 0 ? 200 : 403);
    assert.equal(await get('/metrics'), 401, 'nothing on a unix socket is local');
    assert.equal(await get('/metrics', client), 401);
    daemon.kill('SIGTERM');
    assert.equal((await daemon.exited).code, 0);
  }
});

test('a certificate that cannot be read stops the start by name', async (t) => {
  const home = testDirectory();
  const tls = { cert: join(home, 'none.crt'), key: join(home, 'none.key') };
  const daemon = await spawnServe(t, { home, settings: { server: { tls } } });
  assert.equal((await daemon.exited).code, 1);
  assert.match(daemon.output(), /server\.tls\.cert: .+none\.crt cannot be read \(ENOENT\)/);
});
