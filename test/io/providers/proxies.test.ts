import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { bearer } from '../../support/ask.js';
import { type Daemon, startDaemon } from '../../support/daemon.js';
import { skipWithout } from '../../support/executable.js';
import { freePort } from '../../support/free-port.js';
import { testDirectory } from '../../support/postgres.js';
import { until } from '../../support/until.js';
import { startUpstream } from '../../support/upstream.js';

/** The examples of the documentation; only names, ports and files are replaced. */
const documentation = readFileSync(
  fileURLToPath(new URL('../../../../docs/deployment.md', import.meta.url)),
  'utf8',
);

function example(language: string): string {
  const found = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'ms').exec(documentation);
  assert.ok(found?.[1], `docs/deployment.md has an example in ${language}`);
  return found[1];
}

interface Proxy {
  program: string;
  /** Writes its configuration, and returns its arguments. */
  configure(folder: string, ports: { proxy: number; gateway: number }): string[];
}

const proxies: Record<string, Proxy> = {
  nginx: {
    program: 'nginx',
    configure(folder, { proxy, gateway }) {
      const server = example('nginx')
        .replace('127.0.0.1:18000', `127.0.0.1:${gateway}`)
        .replace('listen 443 ssl', `listen 127.0.0.1:${proxy} ssl`)
        .replace(/\S+fullchain\.pem/, join(folder, 'cert.pem'))
        .replace(/\S+privkey\.pem/, join(folder, 'key.pem'));
      const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
        .map((kind) => `${kind}_temp_path ${folder}/${kind};`)
        .join('\n');
      writeFileSync(
        join(folder, 'nginx.conf'),
        `daemon off; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
        events {}
        http { access_log off; ${temporary}\n${server} }`,
      );
      return ['-p', folder, '-e', join(folder, 'error.log'), '-c', join(folder, 'nginx.conf')];
    },
  },
  caddy: {
    program: 'caddy',
    configure(folder, { proxy, gateway }) {
      const site = example('caddyfile')
        .replace('127.0.0.1:18000', `127.0.0.1:${gateway}`)
        .replace(
          'llm.example.com {',
          `https://llm.example.com:${proxy} {\n\tbind 127.0.0.1\n\ttls ${folder}/cert.pem ${folder}/key.pem`,
        );
      const file = join(folder, 'Caddyfile');
      writeFileSync(file, `{\n\tadmin off\n\tauto_https off\n}\n${site}`);
      return ['run', '--config', file, '--adapter', 'caddyfile'];
    },
  },
  haproxy: {
    program: 'haproxy',
    configure(folder, { proxy, gateway }) {
      const both = readFileSync(join(folder, 'cert.pem'), 'utf8');
      const key = readFileSync(join(folder, 'key.pem'), 'utf8');
      writeFileSync(join(folder, 'both.pem'), `${both}${key}`);
      const text = example('haproxy')
        .replace('127.0.0.1:18000', `127.0.0.1:${gateway}`)
        .replace('bind :443', `bind 127.0.0.1:${proxy}`)
        .replace(/\/etc\/haproxy\/\S+\.pem/, join(folder, 'both.pem'));
      writeFileSync(join(folder, 'haproxy.cfg'), text);
      return ['-db', '-f', join(folder, 'haproxy.cfg')];
    },
  },
};

/** Paths that must not lead elsewhere through a proxy, which resolves some before it decides. */
const spellings = [
  ...['/metrics/../v1/..\\metrics', '/health/detailed/../../v1/..\\health\\detailed'],
  ...[
    '/v1/../metrics',
    '/v1/%2e%2e/metrics',
    '/v1/..%2fmetrics',
    '/v1/..\\metrics',
    '/v1//../metrics',
  ],
  ...[
    '/v1/%2e%2e%2fhealth/detailed',
    '/v1/..%5c..%5cmetrics',
    '/v1/..;/metrics',
    '/v1/%252e%252e/metrics',
  ],
  ...['/v1/../admin/v1/status', '/health/../admin/v1/status', '/v1/%2e%2e/admin/v1/status'],
  ...[
    '/health/../metrics',
    '/health/detailed',
    '/metrics',
    '/docs',
    '/openapi.json',
    '/admin/v1/status',
  ],
  ...[
    '//metrics',
    '/./metrics',
    '/v1/x/../../metrics',
    '/v1/%2e%2e;x/metrics',
    '/v1/..%00/metrics',
  ],
];

for (const [name, { program, configure }] of Object.entries(proxies)) {
  const skip = skipWithout(program) || skipWithout('openssl');
  test(`the documented example of ${name} forwards model requests and hides the rest`, {
    skip,
  }, async (t) => {
    const daemon = await startDaemon(t, {
      settings: { server: { trusted_proxies: ['127.0.0.1'] } },
    });
    let finish = () => {};
    const upstream = await startUpstream(t, (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: {"choices":[{"delta":{"content":"hi"}}]}\n\n');
      finish = () => response.end('data: [DONE]\n\n');
    });
    await daemon.addProvider('p', { api_base: upstream.url });
    const key = await daemon.addKey('alice');
    await daemon.reload();
    const folder = proxyFolder();
    const port = await freePort();
    await run(t, program, configure(folder, { proxy: port, gateway: daemon.port }), folder, port);

    const body = JSON.stringify({ model: 'm', messages: [], stream: true });
    const chat = await ask(port, '/v1/chat/completions', { key, body, onPiece: () => finish() });
    assert.equal(chat.status, 200, chat.text);
    assert.match(chat.text, /data: \[DONE\]/);
    const health = await ask(port, '/health');
    assert.deepEqual([health.status, health.text], [200, '{"status":"ok"}']);

    for (const path of spellings) {
      for (const authorization of ['', `authorization: Bearer ${daemon.adminKey}\r\n`]) {
        const received = await sendRaw(port, path, authorization);
        assert.doesNotMatch(received, /^HTTP\S+ 2/, `${path}: ${received}`);
        assert.doesNotMatch(received, /llm_proxy_|provider_key|uptime/, path);
      }
    }
    await tellsAddress(daemon, port);
  });
}

/** Checks that the address reported by the proxy is used: the client's differs from the proxy's. */
async function tellsAddress(daemon: Daemon, port: number): Promise<void> {
  const wrong = await ask(port, '/v1/models', { key: 'sk-wrong', localAddress: '127.0.0.2' });
  assert.equal(wrong.status, 401);
  const { address } = await daemon.waitFor('wrong_key');
  assert.equal(address, '127.0.0.2');
}

interface AskOptions {
  key?: string;
  body?: string;
  localAddress?: string;
  onPiece?: () => void;
}

function ask(
  port: number,
  path: string,
  { key, body, localAddress, onPiece }: AskOptions = {},
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({
      ...{ host: '127.0.0.1', port, path, servername: 'llm.example.com', agent: false },
      ...(localAddress === undefined ? {} : { localAddress }),
      method: body === undefined ? 'GET' : 'POST',
      headers: { host: 'llm.example.com', ...(key === undefined ? {} : bearer(key)) },
      rejectUnauthorized: false,
    });
    sent.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
        onPiece?.();
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sent.on('error', reject).end(body);
  });
}

/** The whole answer to this path, which is sent unchanged. */
function sendRaw(port: number, path: string, headers: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connectTls({
      ...{ host: '127.0.0.1', port, servername: 'llm.example.com', rejectUnauthorized: false },
    });
    let received = '';
    socket.setEncoding('latin1').on('data', (text: string) => {
      received += text;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(received));
    socket.write(
      `GET ${path} HTTP/1.1\r\nhost: llm.example.com\r\nconnection: close\r\n${headers}\r\n`,
    );
  });
}

/** With a certificate; a proxy started by root reads it as another user. */
function proxyFolder(): string {
  const folder = join(testDirectory(), 'proxy');
  mkdirSync(folder);
  const subject = ['-subj', '/CN=llm.example.com', '-addext', 'subjectAltName=DNS:llm.example.com'];
  const files = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')];
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject, ...files],
    { stdio: 'ignore' },
  );
  chmodSync(folder, 0o755);
  return folder;
}

async function run(
  t: TestContext,
  program: string,
  args: string[],
  folder: string,
  port: number,
): Promise<void> {
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    XDG_DATA_HOME: folder,
    XDG_CONFIG_HOME: folder,
  };
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  t.after(() => end(child));
  await until(`${program} to listen`, async () => {
    if (child.exitCode !== null) throw new Error(`${program} ended: ${output}`);
    return await opens(port);
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}

function opens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
