import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { askChat, bearer } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { until } from '../../support/until.js';
import { startUpstream } from '../../support/upstream.js';

test('a kill switch refuses new requests and ends running streams with an honest error', async (t) => {
  const upstream = await startUpstream(t, ({ body }, response) => {
    const { stream } = JSON.parse(body.toString());
    if (!stream) {
      response.setHeader('content-type', 'application/json');
      response.end('{"id":"x","object":"chat.completion","choices":[]}');
      return;
    }
    response.setHeader('content-type', 'text/event-stream');
    response.write('data: {"choices":[{"index":0,"delta":{"content":"hello"}}]}\n\n');
  });
  const daemon = await startDaemon(t, { workers: 2 });
  await daemon.addProvider('main', { api_base: upstream.url });
  const keys = [await daemon.addKey('alice'), await daemon.addKey('bob')] as const;
  await daemon.reload();
  let rest = '';
  const closed = new Promise<void>((resolve, reject) => {
    const sent = request(`${daemon.url}/v1/chat/completions`, {
      method: 'POST',
      headers: bearer(keys[0]),
      agent: false,
    });
    sent.on('response', (answer) => {
      answer.on('data', (piece: Buffer) => {
        rest += piece;
      });
      // The connection ends after the error, not cleanly.
      answer.on('error', () => {}).on('close', resolve);
    });
    sent.on('error', reject);
    const messages = [{ role: 'user', content: 'hi' }];
    sent.end(JSON.stringify({ model: 'm', stream: true, messages }));
  });
  await until('the stream', () => rest.includes('hello'));

  const stop = await daemon.cli(['stop', '--key', 'alice', '--reason', 'a runaway agent']);
  assert.equal(stop.code, 0, stop.stderr);
  await closed;
  assert.match(rest, /"code":"stopped"/);
  assert.match(rest, /key \\"alice\\": a runaway agent/);
  assert.doesNotMatch(rest, /\[DONE\]/);
  const refused = await askChat(daemon.url, keys[0], 'm');
  assert.equal(refused.status, 403, refused.text);
  assert.equal(refused.headers['x-should-retry'], 'false');
  assert.equal((await askChat(daemon.url, keys[1], 'm')).status, 200, 'others go on');
  assert.match((await daemon.cli(['resume'])).stdout, /key alice .* a runaway agent/);
  assert.equal((await daemon.cli(['resume', '--key', 'bob'])).code, 1);
  assert.equal((await daemon.cli(['resume', '--key', 'alice'])).code, 0);
  assert.equal((await askChat(daemon.url, keys[0], 'm')).status, 200);

  for (const [flag, name] of [
    ['--provider', 'main'],
    ['--model', 'm*'],
  ] as const) {
    assert.equal((await daemon.cli(['stop', flag, name])).code, 0);
    assert.equal((await askChat(daemon.url, keys[1], 'm')).status, 403, flag);
    assert.equal((await daemon.cli(['resume', '--all'])).code, 0);
  }
  assert.equal((await askChat(daemon.url, keys[1], 'm')).status, 200);
  assert.equal((await daemon.cli(['stop', '--reason', 'x'])).code, 2);
  assert.equal((await daemon.cli(['stop'])).code, 0, 'without a name the gateway stops');
  assert.equal((await daemon.exited).code, 0);
});
