import assert from 'node:assert/strict';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { ask, bearer } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { engines } from '../../support/engines.js';
import { freePort } from '../../support/free-port.js';

/** The start of a path that passes a check, the trick that leads it elsewhere, and the target. */
const bases = [
  '',
  '/docs',
  '/metrics',
  '/health',
  '/v1',
  '/v1/models',
  '/v1/models/x',
  '/openapi.json',
];
const tricks = [
  ...['/../', '/./', '/..//', '//', '/%2e%2e/', '/%2E./', '/.%2e/', '/%2e/', '/..%2f', '%2f..%2f'],
  ...['/%2e%2e%2f', '/..\\', '\\..\\', '\\', '/..%5c', '%5c', '%5C..%5C', '/..;/', '/..;a=b/'],
  ...['/%252e%252e/', '/..%252f', '%252f..%252f', '/%25252e./', '/%c0%ae%c0%ae/', '/..%c0%af'],
  ...[
    '/%u002e%u002e/',
    '/../../',
    '/../../../',
    '/x/../../',
    '%00/',
    '%0d%0a/',
    '\t',
    '/\t../',
    '/..\0/',
  ],
  ...['/..#/', '/#/../', '/.%00./', '/%e0%80%ae%e0%80%ae/', '/%7f/../', '/ ../'],
];
const targets = ['admin/v1/status', 'admin/v1/credentials', 'metrics', 'health/detailed', 'health'];

const starts = bases
  .flatMap((base) => tricks.map((trick) => base + trick))
  .filter((start) => start.startsWith('/'));
const paths = [...new Set(starts.flatMap((start) => targets.map((target) => start + target)))];

interface Raw {
  status: number;
  body: string;
}

/** Sends exactly these bytes, and reads to the end. Status 0 is a connection closed unanswered. */
function send(port: number, bytes: string): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(bytes, 'latin1'));
    let received = '';
    socket.setEncoding('latin1').on('data', (text: string) => {
      received += text;
      const [head = '', ...body] = received.split('\r\n\r\n');
      const length = /\r\ncontent-length: (\d+)/i.exec(head);
      if (length && body.join('\r\n\r\n').length >= Number(length[1])) socket.destroy();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET') reject(error);
    });
    socket.on('close', () => {
      const status = Number(/^HTTP\/1\.\d (\d+)/.exec(received)?.[1] ?? 0);
      resolve({ status, body: received.slice(received.indexOf('\r\n\r\n') + 4) });
    });
  });
}

/** In groups, so that no listener's backlog overflows. */
async function sendAll(port: number, requests: readonly string[]): Promise<Raw[]> {
  const answers: Raw[] = [];
  for (let i = 0; i < requests.length; i += 50) {
    const group = requests.slice(i, i + 50).map((request) => send(port, request));
    answers.push(...(await Promise.all(group)));
  }
  return answers;
}

/** For uWebSockets.js, a space or control ends the path, so it finds no HTTP version after it. */
function assertRefused(paths: readonly string[], answers: readonly Raw[]): void {
  for (const [i, { status, body }] of answers.entries()) {
    const path = paths[i] ?? '';
    const refused = status === 400 || (status === 505 && /[ \t\0]/.test(path));
    assert.ok(refused, `${JSON.stringify(path)}: ${status} ${body}`);
  }
}

for (const { engine, skip } of engines) {
  test(`no spelling of a path reaches another endpoint on ${engine}`, { skip }, async (t) => {
    const adminPort = await freePort();
    const daemon = await startDaemon(t, {
      engine,
      settings: {
        admin: { listen: `127.0.0.1:${adminPort}` },
        metrics: { access: 'admin' },
        health: { details: 'admin', detailed_access: 'admin' },
      },
    });
    const get = (path: string, headers = '') =>
      `GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n${headers}\r\n`;
    const key = `authorization: Bearer ${daemon.adminKey}\r\n`;

    await t.test('each base, by each trick, to each target: 400', async () => {
      const asked = paths;
      assert.ok(asked.length > 1_000);
      for (const headers of ['', key]) {
        const answers = await sendAll(
          daemon.port,
          asked.map((path) => get(path, headers)),
        );
        assertRefused(asked, answers);
      }
    });

    await t.test('and on the listener of the admin API', async () => {
      const asked = paths.filter((path) => /^\/(docs|metrics)/.test(path));
      const answers = await sendAll(
        adminPort,
        asked.map((path) => get(path, key)),
      );
      assertRefused(asked, answers);
    });

    await t.test('a POST by such a path changes nothing', async () => {
      const body = '{"name":"intruder"}';
      const asked = starts.map((start) => `${start}admin/v1/credentials`);
      const answers = await sendAll(
        daemon.port,
        asked.map(
          (path) =>
            `POST ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n${key}` +
            `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
        ),
      );
      assertRefused(asked, answers);
      assert.equal((await daemon.sql`SELECT 1 FROM credentials`).length, 0);
    });

    await t.test('correctly spelt paths are served, and only where they exist', async () => {
      const served: [path: string, status: number][] = [
        ['/metrics', 200],
        ['/docs', 200],
        ['/health', 200],
        ['/health/detailed', 200],
        ['/metrics/x', 404],
        ['/openapi.json/x', 404],
        ['/admin/v1/status', 404],
        ['/admin', 404],
        ['/v1/models/org%2Fname', 401],
      ];
      for (const [path, status] of served) {
        const answered = await send(daemon.port, get(path, key));
        assert.equal(answered.status, status, `${path} ${answered.body}`);
      }
      assert.equal((await send(adminPort, get('/admin/v1/status', key))).status, 200);
      assert.equal((await send(adminPort, get('/admin/v1/status'))).status, 401);
    });

    await t.test('a client can claim neither an endpoint nor an identity', async () => {
      const own = [
        'x-llmproxy-endpoint: /admin\r\nx-forwarded-for: 127.0.0.1\r\n',
        'x-forwarded-for: 127.0.0.1\r\n',
        'x-llmproxy-endpoint: /metrics\r\n',
      ];
      for (const headers of own) {
        assert.equal((await send(daemon.port, get('/metrics', headers))).status, 401, headers);
        assert.equal((await send(adminPort, get('/metrics', headers))).status, 401, headers);
        assert.equal((await send(daemon.port, get('/admin/v1/status', headers + key))).status, 404);
      }
    });

    await t.test(
      'the control process serves only the endpoint that a worker has matched',
      async () => {
        const relayed = async (endpoint: string, path: string) => {
          const socketPath = join(daemon.dataDir, 'control.sock');
          const headers = {
            ...bearer(daemon.adminKey),
            'x-llmproxy-endpoint': endpoint,
            'x-forwarded-for': '127.0.0.1',
          };
          return await new Promise<number>((resolve, reject) => {
            request({ socketPath, path, headers }, (response) => {
              response.resume();
              resolve(response.statusCode ?? 0);
            })
              .on('error', reject)
              .end();
          });
        };
        assert.equal(await relayed('/metrics', '/metrics'), 200);
        assert.equal(await relayed('/docs', '/docs/init.js'), 200);
        assert.equal(await relayed('/docs', '/metrics'), 404);
        assert.equal(await relayed('/metrics', '/health/detailed'), 404);
        assert.equal(await relayed('/docs', '/admin/v1/status'), 404);
        assert.equal(await relayed('/admin', '/admin/v1/status'), 404, 'it has its own listener');
        assert.equal(await relayed('/docs', '/docs/../metrics'), 400);
      },
    );

    await t.test('a second Host is refused, on every listener', async () => {
      for (const port of [daemon.port, adminPort]) {
        for (const path of ['/health', '/metrics', '/v1/models', '/docs']) {
          const { status } = await send(port, get(path, `${key}Host: other\r\n`));
          assert.equal(status, 400, path);
        }
      }
    });

    assert.equal(
      (await ask(`${daemon.url}/health`, { headers: bearer(daemon.adminKey) })).status,
      200,
    );
  });
}
