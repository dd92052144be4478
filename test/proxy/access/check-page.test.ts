import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileOrigins } from '../../../src/proxy/access/cors.js';
import { provider } from '../../config/configuration-for-test.js';
import { ask } from '../../support/ask.js';
import { answerChat, startUpstream } from '../../support/upstream.js';
import { gatewayForTest, serveGateway } from '../gateway-for-test.js';

test('with auth off, pages of other origins and other names send nothing to a provider', async (t) => {
  const upstream = await startUpstream(t, answerChat);
  const gateway = gatewayForTest(t, [provider('p', { api_base: upstream.url })]);
  const origin = await serveGateway(t, gateway);
  const status = async (headers: Record<string, string>) => {
    const options = { method: 'POST', headers, body: '{"model":"m"}' };
    return (await ask(`${origin}/v1/chat/completions`, options)).status;
  };
  const page = { origin: 'https://evil.example' };
  for (const headers of [
    { ...page, 'sec-fetch-site': 'cross-site', 'content-type': 'text/plain' },
    { 'sec-fetch-site': 'same-site' },
    page,
    { host: 'evil.example' },
    { host: 'evil.example', 'sec-fetch-site': 'same-origin' },
  ]) {
    assert.equal(await status(headers), 403, JSON.stringify(headers));
  }
  assert.equal(upstream.received.length, 0);
  for (const site of [
    {},
    { 'sec-fetch-site': 'none' },
    { ...page, 'sec-fetch-site': 'same-origin' },
  ]) {
    assert.equal(await status(site), 200, JSON.stringify(site));
  }
  Object.assign(gateway, { allowsOrigin: compileOrigins(['https://evil.example']) });
  assert.equal(await status({ ...page, 'sec-fetch-site': 'cross-site' }), 200);

  gateway.settings.auth = 'on';
  const key = { authorization: 'Bearer sk-test' };
  const other = { origin: 'https://other.example', 'sec-fetch-site': 'cross-site' };
  assert.notEqual(
    await status({ ...key, ...other }),
    403,
    'a key is never sent by a browser itself',
  );
});
