import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rawClient } from '../../server/support.js';
import { engines } from '../../support/engines.js';
import { startGateway } from '../../support/gateway.js';

const boundary = 'b';
const inForm = `--${boundary}\r\ncontent-disposition: form-data; name=model\r\n\r\nother\r\n--${boundary}--`;
/** JSON to one reader; to others a form with another model, in two encodings. */
const polyglots = [
  `{"model":"m","messages":[],"x":"\r\n${inForm}\r\n"}`,
  '{"model":"m","messages":[],"x":"&model=other&y="}',
];
const types = [
  ['multipart/form-data; boundary=b'],
  ['application/x-www-form-urlencoded'],
  ['application/json', 'multipart/form-data; boundary=b'],
  ['multipart/form-data; boundary=b', 'application/json'],
  ['application/json; charset=utf-7'],
];

for (const { engine, skip } of engines) {
  test(`a provider reads a body as the gateway has read it, on ${engine}`, { skip }, async (t) => {
    const { daemon, providers } = await startGateway(
      t,
      { a: { model_mapping: { m: 'm', w: 'w' } } },
      { engine },
    );
    const key = await daemon.addKey('few', { allowed_models: ['m', 'w'] });
    await daemon.reload();
    const send = async (path: string, typed: readonly string[], body: string) => {
      const raw = await rawClient(daemon.port);
      const fields = [
        ...['host: localhost', 'connection: close', `authorization: Bearer ${key}`],
        `content-length: ${body.length}`,
        ...typed.map((type) => `content-type: ${type}`),
      ];
      await raw.send(`POST ${path} HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n${body}`);
      const { received } = await raw.closed;
      return Number(/^HTTP\/1\.1 (\d+)/.exec(received)?.[1]);
    };
    const seen = providers.a?.received ?? assert.fail();
    for (const body of polyglots) {
      for (const typed of types) {
        assert.equal(await send('/v1/chat/completions', typed, body), 200);
        const { rawHeaders } = seen.at(-1) ?? assert.fail();
        const sent = rawHeaders.filter(
          (_, i) => rawHeaders[i - 1]?.toLowerCase() === 'content-type',
        );
        assert.deepEqual(sent, ['application/json'], String(typed));
      }
    }
    const before = seen.length;
    const form = inForm.replace('other', 'w');
    const path = '/v1/audio/transcriptions';
    for (const typed of [
      ['multipart/form-data; boundary=b', 'multipart/form-data; boundary=c'],
      ["multipart/form-data; boundary=b; boundary*=utf-8''c"],
    ]) {
      assert.equal(await send(path, typed, form), 400, String(typed));
    }
    assert.equal(seen.length, before);
    assert.equal(await send(path, ['multipart/form-data; boundary=b'], form), 200);
  });
}
