import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BodyScanner } from '../../../src/dialects/body/body-scanner.js';
import { bodyFor } from '../../../src/dialects/head.js';
import { clientSecrets, issuedSecret } from '../../../src/dialects/openai/client-secrets.js';
import { realtime } from '../../../src/dialects/openai/dialects.js';
import {
  holderOf,
  openSecret,
  sealSecret,
  wireWith,
} from '../../../src/proxy/socket/client-secret.js';
import { buildSnapshot } from '../../../src/routing/snapshot.js';
import { compileWires } from '../../../src/routing/wire.js';
import { configuration, credential, provider } from '../../config/configuration-for-test.js';

const key = Buffer.alloc(32, 1);
const secret = {
  keyHash: 'ab',
  provider: 'p',
  value: 'ek_provider',
  model: 'm',
  expiresAt: Math.floor(Date.now() / 1000) + 3_600,
  transcribes: false,
};

test('a secret is read by its own gateway only, and shows nothing', () => {
  const sealed = sealSecret(secret, key);
  assert.match(sealed, /^ek_llmproxy_[\w-]+$/);
  assert.deepEqual(openSecret(sealed, key), secret);
  assert.notEqual(sealSecret(secret, key), sealed);
  assert.ok(!Buffer.from(sealed.slice(12), 'base64url').includes('ek_provider'));
  assert.equal(openSecret(sealed, Buffer.alloc(32, 2)), null);
  for (const wrong of ['', 'ek_llmproxy_', 'ek_llmproxy_AAAA', 'ek_other', sealed.slice(0, -4)]) {
    assert.equal(openSecret(wrong, key), null, wrong);
  }
  for (let at = 12; at < sealed.length - 1; at++) {
    const other = sealed[at] === 'A' ? 'B' : 'A';
    const changed = sealed.slice(0, at) + other + sealed.slice(at + 1);
    assert.equal(openSecret(changed, key), null, `character ${at}`);
  }
});

test('a secret lives as long as it was said, and no longer than its key', () => {
  const keys = [credential('sk-a'), credential('sk-gone', { expires_at: '2020-01-01T00:00:00Z' })];
  const snapshot = buildSnapshot(configuration([provider('p')], keys), 'hash');
  const [hash = '', gone = ''] = keys.map(({ credential_key }) => credential_key);
  const held = (fields: Partial<typeof secret>, auth: 'on' | 'off' = 'on') =>
    holderOf({ ...secret, keyHash: hash, ...fields }, snapshot, auth);
  assert.equal(held({}).name, 'sk-a');
  assert.equal(held({ keyHash: '' }, 'off').name, 'anonymous');
  const invalid = (pattern: RegExp) => ({ code: 'invalid_api_key', message: pattern });
  assert.throws(() => held({ expiresAt: Date.now() / 1000 - 1 }), invalid(/secret has expired/));
  assert.throws(() => held({ keyHash: 'ff' }), invalid(/no longer valid/));
  assert.throws(() => held({ keyHash: gone }), invalid(/no longer valid/));
});

function headOf(text: string) {
  const body = Buffer.from(text);
  const scanner = new BodyScanner(clientSecrets.members);
  scanner.push(body);
  return clientSecrets.readHead(body, scanner.finish(), { model: '', stream: null });
}

test('the model of a session is found where each form has it, and changed there alone', () => {
  const cases: [text: string, sent: string][] = [
    ['{"session": {"type":"realtime", "model": "m", "x": 1.0}}', '"model": "n"'],
    [
      '{"session":{"type":"transcription","audio":{"input":{"transcription":{"model":"m"}}}}}',
      '{"transcription":{"model":"n"}}',
    ],
    ['{"model":"m","voice":"alloy"}', '{"model":"n"'],
    ['{"input_audio_transcription":{"model":"m"}}', '{"model":"n"}'],
    ['{"session":{"model":"m","model":"m"}}', '{"model":"n","model":"n"}'],
    [
      '{"session":{"model":"m","audio":{"input":{"transcription":{"model":"whisper-1"}}}}}',
      '"whisper-1"',
    ],
  ];
  for (const [text, sent] of cases) {
    const request = headOf(text);
    assert.equal(request.model, 'm', text);
    const edited = bodyFor(request, 'n', false).toString();
    assert.ok(edited.includes(sent), edited);
    assert.equal(edited.length, text.length);
    if (!text.includes('"m","model"')) assert.equal(bodyFor(request, 'm', false), request.body);
  }
  for (const text of ['{}', '{"session":{}}', '{"session":"m"}', '{"session":{"audio":[]}}']) {
    assert.throws(() => headOf(text), { code: 'invalid_request', param: 'session.model' }, text);
  }
  assert.throws(() => headOf('{"session":{"model":1}}'), { code: 'invalid_request' });
  assert.throws(() => headOf('{"session":{"Model":"m"}}'), { code: 'invalid_request' });
});

test('a secret is found in answers of both forms, with its place', () => {
  const read = (body: object) => {
    const bytes = Buffer.from(JSON.stringify(body));
    const issued = issuedSecret(bytes);
    if (!issued) return null;
    const { value, span, expiresAt, transcribes } = issued;
    assert.equal(bytes.toString('utf8', span.start, span.end), `"${value}"`);
    return [value, expiresAt, transcribes];
  };
  assert.deepEqual(read({ value: 'ek_1', expires_at: 5, session: { type: 'realtime' } }), [
    ...['ek_1', 5, false],
  ]);
  const listening = { type: 'transcription' };
  assert.deepEqual(read({ session: listening, value: 'ek_1', expires_at: 5 }), ['ek_1', 5, true]);
  const inner = { client_secret: { value: 'ek_2', expires_at: 6 } };
  assert.deepEqual(read({ object: 'realtime.session', ...inner }), ['ek_2', 6, false]);
  assert.deepEqual(read({ ...inner, object: 'realtime.transcription_session' }), ['ek_2', 6, true]);
  for (const body of [
    {},
    { value: 'ek_1' },
    { value: 1, expires_at: 5 },
    { client_secret: null },
  ]) {
    assert.equal(read(body), null);
  }
  assert.equal(issuedSecret(Buffer.from('no JSON')), null);
});

test('a session is opened with the provider’s secret alone, one of transcription without a model', () => {
  const endpoint = { dialect: realtime, path: '/realtime' };
  const params = { query: { a: 'b' } };
  const fields = { api_base: 'https://h/v1', provider_params: params };
  const wire = compileWires(provider('p', fields)).to(endpoint, 'm') ?? assert.fail();
  const usual = wireWith(secret, wire);
  assert.equal(usual.path, '/v1/realtime?model=m&a=b');
  const at = usual.headers.indexOf('authorization');
  assert.equal(usual.headers[at + 1], 'Bearer ek_provider');
  assert.ok(!usual.headers.includes('Bearer sk-provider'));
  assert.equal(usual.headers.lastIndexOf('authorization'), at);
  assert.ok(usual.headers.includes('accept-encoding'));
  assert.equal(wireWith({ ...secret, transcribes: true }, wire).path, '/v1/realtime?a=b');
  const azure = provider('a', {
    provider_type: 'azure',
    api_base: 'https://h/openai/v1',
    api_key: 'azure-key',
  });
  const own = compileWires(azure).to(endpoint, 'm') ?? assert.fail();
  const asAzure = wireWith({ ...secret, transcribes: true }, own);
  assert.equal(asAzure.path, '/openai/v1/realtime');
  assert.ok(!asAzure.headers.includes('azure-key'));
  assert.ok(asAzure.headerNames.has('authorization') && asAzure.headerNames.has('api-key'));
});
