import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isLoopback } from '../../../src/config/network/is-loopback.js';
import {
  describeSettings,
  resolveSettings,
  type SettingsFlags,
} from '../../../src/config/settings/settings.js';

interface Place {
  /** Files below the working directory. */
  files?: Record<string, string>;
  environment?: Record<string, string>;
  flags?: SettingsFlags;
}

const ours =
  /^(PORT|HOST|DB_URL|ADMIN_KEY|PROVIDER_SUFFIX|LLMPROXY_\w+|LOG_LEVEL|STATE_DIRECTORY|CREDENTIALS_DIRECTORY|XDG_\w+|OTEL_\w+)$/;

/** Resolves the settings in a folder of their own, without the real environment. */
function resolveIn(t: TestContext, { files = {}, environment = {}, flags = {} }: Place) {
  const cwd = mkdtempSync(join(tmpdir(), 'llmproxy-settings-'));
  const before = { ...process.env };
  t.after(() => rmSync(cwd, { recursive: true }));
  mkdirSync(join(cwd, 'config'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, name), text);
  try {
    for (const name of Object.keys(process.env)) if (ours.test(name)) delete process.env[name];
    Object.assign(process.env, environment);
    return { cwd, ...resolveSettings(flags, cwd) };
  } finally {
    for (const name of Object.keys(environment)) delete process.env[name];
    Object.assign(process.env, before);
  }
}

function failure(t: TestContext, place: Place): string {
  try {
    resolveIn(t, place);
  } catch (error) {
    assert.ok(error instanceof Error);
    assert.equal(error.name, 'SettingsError');
    return error.message;
  }
  return assert.fail('these settings were accepted');
}

test('flags override the environment, then .env, the file and the defaults', (t) => {
  const place: Required<Place> = {
    files: { 'config/llmproxy.yaml': 'server: {port: 4}', '.env': 'PORT=3' },
    environment: { PORT: '2' },
    flags: { port: '1' },
  };
  const found = [resolveIn(t, place)];
  found.push(resolveIn(t, { ...place, flags: {} }));
  found.push(resolveIn(t, { ...place, flags: {}, environment: {} }));
  const { '.env': _, ...file } = place.files;
  found.push(resolveIn(t, { files: file }));
  found.push(resolveIn(t, {}));
  assert.deepEqual(
    found.map(({ settings, origins }) => [settings.server.port, origins.get('server.port')]),
    [
      [1, 'flag'],
      [2, 'environment'],
      [3, 'environment'],
      [4, 'file'],
      [18_000, 'default'],
    ],
  );
});

test('an empty flag or variable counts as not given', (t) => {
  const { settings } = resolveIn(t, { environment: { PORT: '' }, flags: { host: '' } });
  assert.equal(settings.server.port, 18_000);
  assert.equal(settings.server.host, '0.0.0.0');
});

test('text is converted to the type of the setting', (t) => {
  const { settings } = resolveIn(t, {
    environment: { LLMPROXY_WORKERS: '3', PROVIDER_SUFFIX: '123', DB_URL: '456' },
  });
  assert.equal(settings.server.workers, 3);
  assert.equal(settings.routing.provider_suffix, '123');
  assert.equal(settings.database.url, '456');
  const auto = resolveIn(t, { environment: { LLMPROXY_WORKERS: 'auto' } });
  assert.equal(auto.settings.server.workers, 'auto');
});

test('all errors are reported at once, by flag, variable or field', (t) => {
  const message = failure(t, {
    environment: { PORT: '18e3', LLMPROXY_ENGINE: 'apache', LLMPROXY_WORKERS: '0' },
    flags: { logLevel: 'loud', host: 'x' },
  });
  assert.match(message, /^PORT: must be a whole number, not "18e3"$/m);
  assert.match(
    message,
    /^LLMPROXY_ENGINE: must be one of auto, net, hyper-express, node, not "apache"$/m,
  );
  assert.match(message, /^LLMPROXY_WORKERS: must be at least 1 or auto, not "0"$/m);
  assert.match(message, /^--log-level: must be one of error, warn, info, debug, not "loud"$/m);
  for (const port of ['65536', '-1', '80.5', ' 80', '99999999999999999999']) {
    assert.match(failure(t, { flags: { port } }), /^--port: must be/);
  }
});

test('a URL that is refused is not shown, since it may be for its password', (t) => {
  for (const url of ['https://me:secret@example.com', 'https://example.com/?token=secret']) {
    const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: url };
    assert.match(
      failure(t, { environment }),
      /^OTEL_EXPORTER_OTLP_ENDPOINT: must be a URL .* without a user, password or query$/m,
    );
  }
});

test('an unknown or wrong field of the file is named with its file', (t) => {
  const message = failure(t, {
    files: {
      'config/llmproxy.yaml': 'server: {prot: 1, port: many}\n__proto__: {a: 1}\nauth: maybe',
    },
  });
  assert.match(message, /llmproxy\.yaml: server: unknown field "prot"$/m);
  assert.match(message, /llmproxy\.yaml: server\.port: must be a whole number$/m);
  assert.match(message, /llmproxy\.yaml: unknown field "__proto__"$/m);
  assert.match(message, /llmproxy\.yaml: auth: must be one of on, off$/m);
});

test('a syntax error is named by line and column', (t) => {
  const files = { 'config/llmproxy.yaml': 'log: {level: info}\nauth: on\nauth: off\n' };
  assert.match(failure(t, { files }), /llmproxy\.yaml: line 3, column 1: this key is there twice$/);
});

test('a settings file that was named must exist and be readable; it may be named relatively', (t) => {
  assert.match(
    failure(t, { flags: { config: 'gone.yaml' } }),
    /\/gone\.yaml: no such settings file$/,
  );
  assert.match(failure(t, { flags: { config: 'config' } }), /\/config: cannot be read: EISDIR/);
  const { settings, file, cwd } = resolveIn(t, {
    files: { 'config/other.yaml': 'auth: on' },
    environment: { LLMPROXY_CONFIG: 'config/other.yaml' },
  });
  assert.equal(file, join(cwd, 'config/other.yaml'));
  assert.equal(settings.overrides_dir, join(cwd, 'config/overrides.d'));
});

test('a database URL that a comment cuts names its line and the escape', (t) => {
  const cut = (line: string) => failure(t, { files: { '.env': `PORT=1\n${line}\n` } });
  for (const name of ['DB_URL', 'export DB_LISTEN_URL']) {
    const message = cut(`${name}=postgres://me:hush#hush@db/x`);
    assert.match(message, /\.env: line 2: DB_(LISTEN_)?URL: a "#" begins a comment here: quote/);
    assert.match(message, /%23/);
    assert.doesNotMatch(message, /hush/);
  }
  for (const line of [
    'DB_URL="postgres://me:hush#hush@db/x"',
    'DB_URL=postgres://me@db/x # ask me@example',
    '#DB_URL=postgres://me:hush#hush@db/x',
  ]) {
    resolveIn(t, { files: { '.env': line } });
  }
});

test('no secret is ever in an error', (t) => {
  const secret = 'hush';
  const messages = [
    failure(t, { environment: { ADMIN_KEY: secret } }),
    failure(t, { files: { '.env': `ADMIN_KEY=${secret}\nPORT=x` } }),
  ];
  const broken = [
    `admin: {key: ${secret}}`,
    `admin: {key: [${secret}]}`,
    `admin:\n  key: "${secret}" ${secret}`,
    `admin:\n  key: *${secret}`,
    `admin:\n  key: ${secret}: ${secret}`,
    `admin:\n  key: |9${secret}\n x`,
    `admin:\n  key: "\\q${secret}"`,
    `database: {url: "postgres://user:${secret}@host/db}`,
    `database: {url: {password: ${secret}}}`,
    `database:\n\turl: ${secret}`,
    `}${secret}`,
  ];
  for (const text of broken) messages.push(failure(t, { files: { 'config/llmproxy.yaml': text } }));
  for (const message of messages) assert.ok(!message.includes(secret), message);
});

test('auth off is refused unless only this machine can reach the listener', (t) => {
  const files = { 'config/llmproxy.yaml': 'auth: off' };
  assert.match(failure(t, { files }), /auth: off is refused unless server.host is a loopback/);
  assert.match(
    failure(t, { files, environment: { HOST: '10.0.0.1' } }),
    /llmproxy\.yaml: auth: off is refused .* not 10\.0\.0\.1 \(from HOST\)$/,
  );
  assert.match(failure(t, { files }), /not 0\.0\.0\.0 \(from its default\)$/);
  assert.equal(resolveIn(t, { files, flags: { host: '127.0.0.1' } }).settings.auth, 'off');
  for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost']) assert.ok(isLoopback(host));
  for (const host of [
    '0.0.0.0',
    '::',
    '10.0.0.1',
    '127.0.0.1.evil.com',
    'localhost.com',
    '1127.0.0.1',
  ]) {
    assert.ok(!isLoopback(host), host);
  }
});

test('an entry that is neither an address nor a network is refused by name', (t) => {
  const fail = (text: string) => failure(t, { files: { 'config/llmproxy.yaml': text } });
  assert.match(
    fail('server: {trusted_proxies: [10.0.0.0/8, nonsense]}'),
    /server\.trusted_proxies: "nonsense" is neither an IP address nor a network/,
  );
  assert.match(fail('admin: {allow_from: [10.0.0.0/33]}'), /admin\.allow_from: "10\.0\.0\.0\/33"/);
});

test('TLS of the admin listener needs that listener, and certificate and key together', (t) => {
  const file = (text: string) => ({ files: { 'config/llmproxy.yaml': `admin: {${text}}` } });
  const listen = 'listen: "127.0.0.1:1"';
  assert.match(
    failure(t, file('tls: {cert: /c, key: /k}')),
    /admin\.tls: .+ without admin\.listen/,
  );
  assert.match(
    failure(t, file(`${listen}, tls: {cert: /c}`)),
    /admin\.tls: cert and key are needed/,
  );
  assert.match(
    failure(t, file(`${listen}, tls: {key: /k}`)),
    /admin\.tls: cert and key are needed/,
  );
  assert.match(
    failure(t, file(`${listen}, tls: {client_ca: /c}`)),
    /admin\.tls\.client_ca: is of no/,
  );
  assert.match(
    failure(t, file(`${listen}, tls: {cert: c, key: /k}`)),
    /admin\.tls\.cert: must be an absolute path/,
  );
  const { tls } = resolveIn(t, file(`${listen}, tls: {cert: /c, key: /k}`)).settings.admin;
  assert.deepEqual(tls, { cert: '/c', key: '/k', client_ca: null });
});

test('the PROXY protocol needs an engine that supports it, and trusted proxies', (t) => {
  const file = (text: string) => ({ files: { 'config/llmproxy.yaml': `server: {${text}}` } });
  const trusted = 'trusted_proxies: [10.0.0.1], proxy_protocol: true';
  for (const text of ['engine: net, proxy_protocol: true', `engine: node, ${trusted}`]) {
    assert.match(failure(t, file(text)), /server\.proxy_protocol: needs server\.engine: net/);
  }
  const unix = `host: "unix:/s", tls: {cert: /c, key: /k}, ${trusted.replace('10.0.0.1', '"unix:"')}`;
  assert.match(failure(t, file(unix)), /server\.proxy_protocol: does not go with server\.tls on a/);
  assert.ok(resolveIn(t, file(trusted)).settings.server.proxy_protocol);
  const { trusted_proxies } = resolveIn(t, file('trusted_proxies: ["unix:"]')).settings.server;
  assert.deepEqual(trusted_proxies, ['unix:']);
});

test('the data directory is that of systemd, else of the user, else of XDG', (t) => {
  const dirOf = (environment: Record<string, string>) =>
    resolveIn(t, { environment }).settings.data_dir;
  assert.equal(
    dirOf({ STATE_DIRECTORY: '/var/lib/a:/var/lib/b', XDG_STATE_HOME: '/x' }),
    '/var/lib/a',
  );
  assert.equal(dirOf({ STATE_DIRECTORY: '/a', LLMPROXY_DATA_DIR: '/b' }), '/b');
  t.mock.method(process as { getuid: () => number }, 'getuid', () => 0);
  assert.equal(dirOf({ XDG_STATE_HOME: '/x' }), '/var/lib/llmproxy');
  t.mock.method(process as { getuid: () => number }, 'getuid', () => 1000);
  assert.equal(dirOf({ XDG_STATE_HOME: '/x' }), '/x/llmproxy');
  assert.equal(dirOf({}), join(homedir(), '.local/state/llmproxy'));
});

test('relative folders are taken from the working directory and the settings file', (t) => {
  const { settings, cwd } = resolveIn(t, {
    files: { 'config/llmproxy.yaml': 'overrides_dir: local' },
    flags: { dataDir: 'state' },
  });
  assert.equal(settings.data_dir, join(cwd, 'state'));
  assert.equal(settings.overrides_dir, join(cwd, 'config/local'));
});

test('secrets from systemd override the file and yield to the environment', (t) => {
  const credentials = mkdtempSync(join(tmpdir(), 'llmproxy-credentials-'));
  t.after(() => rmSync(credentials, { recursive: true }));
  writeFileSync(join(credentials, 'admin_key'), 'from-systemd\n');
  const place = {
    files: { 'config/llmproxy.yaml': 'admin: {key: from-the-file}' },
    environment: { CREDENTIALS_DIRECTORY: credentials },
  };
  const handed = resolveIn(t, place);
  assert.equal(handed.settings.admin.key, 'from-systemd');
  assert.equal(handed.settings.database.url, null);
  assert.equal(handed.origins.get('admin.key'), 'credential');

  const environment = { ...place.environment, ADMIN_KEY: 'from-environment' };
  assert.equal(resolveIn(t, { ...place, environment }).settings.admin.key, 'from-environment');
});

test('an invalid secret from systemd is named and not shown', (t) => {
  const credentials = mkdtempSync(join(tmpdir(), 'llmproxy-credentials-'));
  t.after(() => rmSync(credentials, { recursive: true }));
  writeFileSync(join(credentials, 'admin_key'), 'short');
  const message = failure(t, { environment: { CREDENTIALS_DIRECTORY: credentials } });
  assert.match(message, /credential admin_key/);
  assert.doesNotMatch(message, /"short"|not short/);
});

test('an IPv6 host may stand in brackets', (t) => {
  for (const host of ['[::]', '::']) {
    assert.equal(resolveIn(t, { environment: { HOST: host } }).settings.server.host, '::');
    assert.equal(resolveIn(t, { flags: { host } }).settings.server.host, '::');
  }
  const files = { 'config/llmproxy.yaml': 'auth: off\nserver: {host: "[::1]"}' };
  assert.equal(resolveIn(t, { files }).settings.server.host, '::1');
});

test('a section in which every line is a comment sets nothing', (t) => {
  const text = 'server:\n  # port: 1\nupstream:\nrouting:\n  max_attempts: 2\n';
  const { settings } = resolveIn(t, { files: { 'config/llmproxy.yaml': text } });
  assert.equal(settings.server.port, 18_000);
  assert.equal(settings.routing.max_attempts, 2);
  const message = failure(t, { files: { 'config/llmproxy.yaml': 'server: {port: null}' } });
  assert.match(message, /server\.port: must be a whole number/);
});

test('several documents are read as one, and duplicates are named', (t) => {
  const file = (text: string) => ({ files: { 'config/llmproxy.yaml': text } });
  const text = '---\nserver: {port: 1}\n---\n# none\n---\nserver: {host: x}\nauth: on\n...\n';
  const { server } = resolveIn(t, file(text)).settings;
  assert.deepEqual([server.port, server.host], [1, 'x']);
  assert.match(
    failure(t, file('server: {port: 1}\n---\nserver:\n  port: 2\n')),
    /llmproxy\.yaml: line 1, column 10: server\.port: is in two documents$/,
  );
  assert.match(failure(t, file('auth: on\n---\nauth: on\n')), /: auth: is in two documents$/);
  assert.equal(resolveIn(t, file('auth: on\n---\nauth:\n')).settings.auth, 'on');
  assert.match(failure(t, file('auth: on\n---\n[1]\n')), /several documents, which must be mapp/);
});

test('settings of the engine net are refused for others, and half a certificate always', (t) => {
  const fail = (server: string) =>
    failure(t, { files: { 'config/llmproxy.yaml': `server: {${server}}` } });
  assert.match(fail('engine: node, host: "unix:/a"'), /server\.host: .*node takes no path/);
  assert.match(
    fail('engine: hyper-express, tls: {cert: /a, key: /b}'),
    /server\.tls: .*hyper-express has none/,
  );
  assert.match(fail('tls: {cert: /a}'), /server\.tls: cert and key are needed together/);
  assert.match(fail('tls: {key: /a}'), /server\.tls: cert and key are needed together/);
  assert.match(fail('tls: {client_ca: /a}'), /client_ca: is of no use without cert and key/);
  const files = { 'config/llmproxy.yaml': 'server: {engine: net, tls: {cert: /a, key: /b}}' };
  assert.equal(resolveIn(t, { files }).settings.server.tls.key, '/b');
  assert.ok(isLoopback('unix:/run/llmproxy.sock'));
});

test('an origin has the form in which browsers write it', (t) => {
  const settings = (origins: string) => `server: {cors_origins: ${origins}}`;
  const place = (origins: string) => ({ files: { 'config/llmproxy.yaml': settings(origins) } });
  const right = [
    'https://app.example.com',
    'http://localhost:5173',
    'chrome-extension://abc',
    'null',
  ];
  for (const origins of [JSON.stringify(right), '["*"]', '[]']) {
    assert.deepEqual(
      resolveIn(t, place(origins)).settings.server.cors_origins,
      JSON.parse(origins),
    );
  }
  for (const origin of ['https://a.com/', 'a.com', 'https://*.a.com', '', 'https://a.com/x']) {
    assert.match(failure(t, place(JSON.stringify([origin]))), /server\.cors_origins/, origin);
  }
});

test('OpenTelemetry’s own variables count, that of traces before that of all', (t) => {
  const environment = {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://all:4318',
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: '',
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20a%3D, x-b = c ,',
    OTEL_EXPORTER_OTLP_TIMEOUT: '5000',
    OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
    OTEL_TRACES_SAMPLER_ARG: '0.25',
    OTEL_RESOURCE_ATTRIBUTES: 'team=search,empty=',
  };
  const resolved = resolveIn(t, { environment });
  const { traces, metrics, log } = resolved.settings;
  assert.equal(traces.endpoint, 'http://all:4318');
  assert.deepEqual(traces.headers, { authorization: 'Bearer a=', 'x-b': 'c' });
  assert.equal(traces.timeout_ms, 5_000);
  assert.equal(traces.compression, 'gzip');
  assert.equal(traces.sample_ratio, 0.25);
  assert.deepEqual(traces.resource, { team: 'search', empty: '' });
  assert.equal(metrics.otlp, null, 'metrics and log are exported only where that is asked for');
  assert.equal(log.otlp, null);
  const shown = describeSettings(resolved).filter(({ name }) => name.startsWith('traces.'));
  const of = (name: string) => shown.find((each) => each.name === `traces.${name}`);
  assert.deepEqual(of('endpoint'), {
    name: 'traces.endpoint',
    ...{ value: 'http://all:4318', origin: 'environment', source: 'OTEL_EXPORTER_OTLP_ENDPOINT' },
  });
  assert.equal(of('headers')?.value, '(set)');
  assert.equal(
    describeSettings(resolveIn(t, {})).find(({ name }) => name === 'traces.headers')?.value,
    null,
  );
  const own = { ...environment, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://own/v1/traces' };
  assert.equal(
    resolveIn(t, { environment: own }).settings.traces.endpoint,
    'https://own/v1/traces',
  );
});

test('a setting of traces that cannot be right is named', (t) => {
  const refusals: [string, RegExp][] = [
    ['endpoint: localhost:4318', /traces\.endpoint/],
    ['endpoint: http://user:password@host:4318', /traces\.endpoint/],
    ['endpoint: http:///v1/traces', /traces\.endpoint/],
    ['endpoint: http://h?a=b', /traces\.endpoint/],
    ['headers: {a: "file:relative"}', /traces\.headers\.a: must name an absolute path/],
    ['headers: {a: "env:ADMIN_KEY"}', /traces\.headers\.a: must not refer to ADMIN_KEY/],
    ['headers: {"a b": c}', /traces\.headers.*a b/],
    ['tls: {cert: /a}', /traces\.tls: cert and key are needed together/],
    ['tls: {ca: relative}', /traces\.tls\.ca/],
    ['sample_ratio: 1.5', /traces\.sample_ratio/],
  ];
  for (const [line, message] of refusals) {
    assert.match(failure(t, { files: { 'config/llmproxy.yaml': `traces:\n  ${line}` } }), message);
  }
  for (const [name, value] of [
    ['OTEL_EXPORTER_OTLP_HEADERS', 'secret-without-a-name'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'a=%zz'],
    ['OTEL_EXPORTER_OTLP_HEADERS', '=a'],
    ['OTEL_TRACES_SAMPLER_ARG', 'most'],
    ['OTEL_TRACES_SAMPLER_ARG', '-1'],
  ] as const) {
    const message = failure(t, { environment: { [name]: value } });
    assert.ok(message.startsWith(`${name}: `), message);
    assert.ok(!message.includes('secret'), message);
  }
});
