import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { probe, saidIn } from '../../../src/admin/health/probe.js';
import type { Settings } from '../../../src/config/settings/settings-types.js';
import { Upstreams } from '../../../src/upstream/upstreams.js';
import { provider } from '../../config/configuration-for-test.js';
import { answerChat, startRawUpstream, startUpstream } from '../../support/upstream.js';

const settings: Settings['upstream'] = {
  connect_timeout_ms: 1_000,
  first_byte_timeout_ms: 60_000,
  idle_timeout_ms: 60_000,
  total_timeout_ms: 60_000,
  max_connections_per_provider: 4,
  private_addresses: 'allow',
  https_proxy: null,
  http_proxy: null,
  no_proxy: null,
  fetch_media: 'off',
  max_media_bytes: 1,
};

/** Probes the provider at this address. */
function probing(t: TestContext, url: string, more: object = {}) {
  const upstreams = new Upstreams(settings);
  t.after(() => upstreams.retain([]));
  const stop = new AbortController();
  const asked = { ...provider('p'), api_base: url, api_key: 'sk-secret-key', ...more };
  return {
    stop,
    ask: (model: string | null, timeoutMs = 5_000) =>
      probe(upstreams, asked, model, { timeoutMs, signal: stop.signal }),
  };
}

test('a probe carries the key and the headers of its provider', async (t) => {
  const { url, received } = await startUpstream(t, answerChat);
  const { ask } = probing(t, url, { provider_params: { headers: { 'X-Team': 'blue' } } });
  assert.equal((await ask('m')).status, 'healthy');
  const [{ headers } = assert.fail()] = received;
  assert.equal(headers.authorization, 'Bearer sk-secret-key');
  assert.equal(headers['x-team'], 'blue');
  assert.equal(headers['content-type'], 'application/json');
});

test('statuses caused by the provider are unhealthy, a refused probe is unknown', async (t) => {
  let status = 200;
  const { url } = await startUpstream(t, (_request, response) => {
    response.writeHead(status).end('{}');
  });
  const { ask } = probing(t, url);
  for (const [answered, expected] of [
    [200, 'healthy'],
    [301, 'unhealthy'],
    [400, 'unknown'],
    [401, 'unhealthy'],
    [404, 'unhealthy'],
    [422, 'unknown'],
    [429, 'unhealthy'],
    [503, 'unhealthy'],
  ] as const) {
    status = answered;
    const { status: found, atFault, error } = await ask('m');
    assert.equal(found, expected, `${answered}`);
    assert.equal(atFault, found === 'unhealthy' && answered !== 404, `${answered}`);
    if (answered === 301) assert.match(error ?? '', /^answered with a redirect: its api_base/);
    else assert.equal(error, answered === 200 ? null : `HTTP ${answered}`);
  }
  status = 404;
  assert.equal((await ask(null)).status, 'healthy', 'it has no list, but it answers');
});

test('a web page where the API should be is not healthy', async (t) => {
  const { url } = await startUpstream(t, (_request, response) => response.end('<html>'));
  const { ask } = probing(t, url);
  assert.deepEqual([(await ask('m')).status, (await ask(null)).status], ['unhealthy', 'unhealthy']);
});

test('a model that only ran out of its few tokens is healthy', async (t) => {
  const { url } = await startUpstream(t, ({ body }, response) => {
    const message = JSON.parse(String(body)).max_tokens
      ? "Use 'max_completion_tokens' instead."
      : 'Could not finish the message because max_tokens or model output limit was reached.';
    response.writeHead(400).end(JSON.stringify({ error: { message } }));
  });
  assert.equal((await probing(t, url).ask('o3')).status, 'healthy');
});

test('the message of the provider is cut and has no secrets', async (t) => {
  const { url } = await startUpstream(t, (_request, response) => {
    const message = `bad sk-secret-key and Basic abcdef123 ${'x'.repeat(1_000)}`;
    response.writeHead(401).end(JSON.stringify({ error: { message } }));
  });
  const { ask } = probing(t, url, {
    provider_params: { headers: { authorization: 'Basic abcdef123' } },
  });
  const { said } = await ask('m');
  assert.match(said ?? '', /^bad \*\*\* and \*\*\* x+$/);
  assert.equal(said?.length, 300);
});

test('an endless or broken answer is a failure', async (t) => {
  const endless = await startUpstream(t, (_request, response) => {
    response.writeHead(200).write('{');
  });
  const { error, tookMs } = await probing(t, endless.url).ask('m', 50);
  assert.equal(error, 'did not answer in time');
  assert.ok((tookMs ?? 0) > 0);
  const broken = await startRawUpstream(t, (socket) => socket.end('nonsense\r\n\r\n'));
  assert.match((await probing(t, broken).ask('m')).error ?? '', /invalid response|closed/);
});

test('reading an endless list stops at its bound', async (t) => {
  const { url } = await startUpstream(t, (_request, response) => {
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536, ' ')));
      if (!response.destroyed) response.once('drain', more);
    };
    response.writeHead(200);
    more();
  });
  const { status, error } = await probing(t, url).ask(null);
  assert.deepEqual([status, error], ['unhealthy', 'answered with more than 1048576 bytes']);
});

test('stopping aborts running probes', async (t) => {
  const { url, received } = await startUpstream(t, () => stop.abort());
  const { ask, stop } = probing(t, url);
  assert.equal((await ask('m')).error, 'was aborted');
  assert.equal((await ask('m')).error, 'was aborted');
  assert.equal(received.length, 1);
});

test('what a provider says is shown without the secrets that it was sent', () => {
  const asked = provider('a', {
    api_key: 'sk-of-the-row',
    provider_params: {
      headers: { 'x-auth': 'Bearer of-a-header', 'x-short': 'ab' },
      query: { key: 'sk-of-the-row-too' },
      fetched: { bearer: 'of-the-cloud' },
    },
  });
  const said = (message: unknown) =>
    saidIn(Buffer.from(JSON.stringify({ error: { message } })), asked);
  assert.equal(
    said(
      'no sk-of-the-row,\n sk-of-the-row-too, Bearer of-a-header, of-a-header, of-the-cloud, ab',
    ),
    'no ***, ***, ***, ***, ***, ab',
  );
  assert.equal(said(''), null);
  assert.equal(saidIn(Buffer.from('<html>'), asked), null);
});
