import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { listenerUrl } from '../../../src/cli/connect/connect.js';
import { type ClientName, clients } from '../../../src/cli/connect/connect-clients.js';
import { mockForTest } from '../../mock-provider/mock-for-test.js';
import { startDaemon } from '../../support/daemon.js';
import { llmproxy } from '../llmproxy.js';

const connection = { url: 'https://llm.example.com', key: 'sk-llmp-abc', model: 'gpt-"4o' };

/** The environment after a shell has read these lines. */
function environment(lines: string): Record<string, string> {
  const { stdout } = spawnSync('sh', ['-c', `${lines}\nenv -0`], { env: {}, encoding: 'utf8' });
  return Object.fromEntries(
    stdout
      .split('\0')
      .filter(Boolean)
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

test('the settings of every client name the gateway and its key', () => {
  for (const [name, { settings }] of Object.entries(clients)) {
    const text = settings(connection);
    assert.ok(text.includes(connection.url), name);
    assert.ok(text.includes(connection.key), name);
  }
});

test('words that a shell would split are quoted', () => {
  const key = `a'b $(touch x) "c"`;
  for (const [name, variable] of [
    ['openai', 'OPENAI_API_KEY'],
    ['anthropic', 'ANTHROPIC_API_KEY'],
    ['claude-code', 'ANTHROPIC_AUTH_TOKEN'],
  ] as const) {
    assert.equal(environment(clients[name].settings({ ...connection, key }))[variable], key);
  }
  const { stdout } = spawnSync(
    'sh',
    ['-c', `curl() { printf '%s\\0' "$@"; }\n${clients.curl.settings(connection)}`],
    {
      encoding: 'utf8',
    },
  );
  const sent = stdout.split('\0');
  assert.equal(sent[0], `${connection.url}/v1/chat/completions`);
  assert.equal(JSON.parse(sent[6] ?? '').model, connection.model);
});

test('configuration of a client is its own format', () => {
  const { provider } = JSON.parse(clients.opencode.settings(connection));
  assert.equal(provider.llmproxy.options.baseURL, `${connection.url}/v1`);
  assert.match(clients.codex.settings(connection), /^model = "gpt-\\"4o"$/m);
});

test('the address is that of the listener, as this machine reaches it', () => {
  const cases: [host: string, url: string][] = [
    ['0.0.0.0', 'http://127.0.0.1:1'],
    ['::', 'http://[::1]:1'],
    ['::1', 'http://[::1]:1'],
    ['10.0.0.1', 'http://10.0.0.1:1'],
  ];
  const tls = { cert: null, key: null, client_ca: null };
  for (const [host, url] of cases) assert.equal(listenerUrl({ host, port: 1, tls }), url);
  const secure = { host: 'a', port: 1, tls: { ...tls, cert: '/c' } };
  assert.equal(listenerUrl(secure), 'https://a:1');
});

test('connect prints settings that the SDKs work with, and tries them', async (t) => {
  const { mock } = await mockForTest(t);
  const daemon = await startDaemon(t);
  await daemon.addProvider('o', { api_base: mock.url, model_mapping: { 'gpt-4o': 'gpt-4o' } });
  await daemon.addProvider('a', {
    api_base: mock.url,
    provider_type: 'anthropic',
    model_mapping: { 'claude-sonnet-4-5': 'claude' },
  });
  const key = await daemon.addKey('alice');
  await daemon.reload();
  const settings = async (client: ClientName) => {
    const { code, stdout, stderr } = await llmproxy([
      'connect',
      client,
      '--url',
      `${daemon.url}/v1/`,
      '--key',
      key,
      '--try',
    ]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /the key works, and may use 2 listed models/);
    return environment(stdout);
  };
  const messages = [{ role: 'user' as const, content: 'hello' }];

  const openai = await settings('openai');
  const one = new OpenAI({ baseURL: openai.OPENAI_BASE_URL, apiKey: openai.OPENAI_API_KEY });
  assert.ok(await one.chat.completions.create({ model: 'gpt-4o', messages }));
  const anthropic = await settings('anthropic');
  const two = new Anthropic({
    baseURL: anthropic.ANTHROPIC_BASE_URL ?? '',
    apiKey: anthropic.ANTHROPIC_API_KEY ?? '',
  });
  assert.ok(await two.messages.create({ model: 'claude-sonnet-4-5', max_tokens: 9, messages }));

  const wrong = await llmproxy([
    'connect',
    'openai',
    '--url',
    daemon.url,
    '--key',
    'sk-x',
    '--try',
  ]);
  assert.equal(wrong.code, 1);
  assert.match(
    wrong.stderr,
    /answers 401: The API key provided is not valid here\.\nmake a key with: llmproxy keys create NAME/,
  );
  const json = await daemon.cli(['connect', 'codex', '--json']);
  assert.deepEqual(
    [JSON.parse(json.stdout).model, JSON.parse(json.stdout).client],
    ['gpt-4o', 'codex'],
  );
});

test('connect refuses unusable input by name', async () => {
  for (const [args, message] of [
    [['nobody'], /the client "nobody" is not known[\s\S]*claude-code/],
    [['openai', '--url', 'ftp://x'], /--url: "ftp:\/\/x" is not a URL/],
    [['openai', '--url', 'http://u:p@x/'], /--url: only scheme/],
    [['openai', '--url', 'http://x', '--try'], /--try needs --key/],
    [['openai', '--url', 'http://x', '--key', 'a b'], /--key: this cannot be a key/],
  ] as const) {
    const { code, stdout, stderr } = await llmproxy(['connect', ...args]);
    assert.equal(code, 2, args.join(' '));
    assert.equal(stdout, '');
    assert.match(stderr, message);
  }
});

test('connect names the port of the gateway that runs', async (t) => {
  const daemon = await startDaemon(t);
  const { stdout } = await daemon.cli(['connect', 'curl', '--json']);
  assert.equal(JSON.parse(stdout).url, daemon.url);
});
