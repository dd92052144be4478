import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Dialect } from '../../../src/dialects/dialect.js';
import { modelEndpoints } from '../../../src/dialects/endpoints.js';
import { requestWithout } from '../../../src/dialects/head.js';
import { BodyReader, maxBodyBytes } from '../../../src/policies/cache/body-facts.js';

function dialectAt(pattern: string): Dialect {
  const found = modelEndpoints.find((endpoint) => endpoint.pattern === pattern);
  assert.ok(found);
  return found.dialect;
}
const chat = dialectAt('/v1/chat/completions');
const responses = dialectAt('/v1/responses');
const messages = dialectAt('/v1/messages');
const gemini = dialectAt('/v1beta/models/{model}:generateContent');
const embeddings = dialectAt('/v1/embeddings');

const reader = new BodyReader();
const read = (body: object, dialect = chat) =>
  reader.facts({ body: Buffer.from(JSON.stringify(body)) }, dialect);
const digest = (body: object, dialect = chat) => {
  const facts = read(body, dialect);
  assert.ok(facts);
  return facts.digest;
};

test('bookkeeping members and the order of members do not affect the cache key', () => {
  const asked = { messages: [{ role: 'user', content: 'hi' }], temperature: 0 };
  const same = digest({ model: 'm', ...asked });
  const books = {
    user: 'u',
    metadata: { a: 1 },
    tags: ['x'],
    labels: { y: 'z' },
    safety_identifier: 's',
    prompt_cache_key: 'p',
    prompt_cache_retention: '24h',
  };
  for (const [name, value] of Object.entries(books)) {
    assert.equal(digest({ [name]: value, ...asked, model: 'm' }), same, name);
    assert.equal(digest({ ...asked, [name]: value }, messages), digest(asked, messages), name);
  }
  assert.equal(digest({ temperature: 0, stream: true, messages: asked.messages }), same);
  for (const other of [
    { ...asked, temperature: 1 },
    { ...asked, max_tokens: 5 },
    { ...asked, stream_options: { include_usage: true } },
    { ...asked, models: ['other'] },
    { temperature: 0, messages: [{ role: 'user', content: 'hi', user: 'u' }] },
    { temperature: 0, messages: [{ role: 'user', content: 'Hi' }] },
  ]) {
    assert.notEqual(digest(other), same, JSON.stringify(other));
  }
});

test('answers of the Responses API repeat what the request says of its user', () => {
  const asked = { input: 'hi', temperature: 0 };
  for (const name of ['user', 'metadata', 'safety_identifier', 'prompt_cache_key']) {
    assert.notEqual(digest({ ...asked, [name]: 'u' }, responses), digest(asked, responses), name);
  }
  assert.equal(digest({ ...asked, model: 'x', stream: true }, responses), digest(asked, responses));
});

test('a temperature of 0 or a seed asks for no chance, and some operations never do', () => {
  const is = (body: object, dialect = chat) => read(body, dialect)?.isDeterministic;
  assert.equal(is({ temperature: 0 }), true);
  assert.equal(is({ temperature: 0.0 }, messages), true);
  assert.equal(is({ seed: 7 }), true);
  assert.equal(is({ seed: -7, temperature: 1 }), true);
  assert.equal(
    reader.facts({ body: Buffer.from('{"temperature": 0.000}') }, chat)?.isDeterministic,
    true,
  );
  for (const body of [
    {},
    { temperature: 1 },
    { temperature: 0.01 },
    { seed: null },
    { temperature: null },
    { temperature: '0' },
    { seed: '7' },
  ]) {
    assert.equal(is(body), false, JSON.stringify(body));
  }
  assert.equal(is({ generationConfig: { temperature: 0 } }, gemini), true);
  assert.equal(is({ generation_config: { seed: 1 } }, gemini), true);
  assert.equal(is({ generationConfig: { temperature: 1 } }, gemini), false);
  assert.equal(is({ generationConfig: {}, contents: [] }, gemini), false);
  assert.equal(is({ input: 'hi' }, embeddings), true);
  for (const path of ['/v1/moderations', '/v2/rerank', '/v1/messages/count_tokens']) {
    assert.equal(is({ input: 'hi' }, dialectAt(path)), true, path);
  }
  assert.equal(is({ input: 'hi' }, dialectAt('/v1/audio/speech')), false);
});

test('requests that create or continue something at the provider are not cached', () => {
  const is = (body: object, dialect = responses) => read(body, dialect)?.isStateful;
  assert.equal(is({ store: true }), true);
  assert.equal(is({ store: true }, chat), true);
  assert.equal(is({ background: true }), true);
  assert.equal(is({}, dialectAt('/v1/realtime/client_secrets')), true);
  assert.equal(is({ previous_response_id: 'resp_1' }), true);
  assert.equal(is({ conversation: { id: 'conv_1' } }), true);
  for (const body of [
    {},
    { store: false },
    { background: false },
    { previous_response_id: null },
  ]) {
    assert.equal(is(body), false, JSON.stringify(body));
  }
});

test('a request that names an object at a provider is recognized', () => {
  const is = (body: object, dialect = chat) => read(body, dialect)?.isOfObject;
  const file = { type: 'file', file: { file_id: 'file-1' } };
  assert.equal(is({ messages: [{ role: 'user', content: [file] }] }), true);
  assert.equal(is({ messages: [{ role: 'user', content: 'file_id' }] }), false);
  assert.equal(is({ input: 'hi' }, responses), true);
  assert.equal(is({ input: 'hi' }, embeddings), false);
});

test('a body that is too large, or not JSON, is not read', () => {
  const padded = (bytes: number) => Buffer.from(`{"a":"${'x'.repeat(bytes - 8)}"}`);
  assert.ok(reader.facts({ body: padded(maxBodyBytes) }, chat));
  assert.equal(reader.facts({ body: padded(maxBodyBytes + 1) }, chat), null);
  assert.equal(reader.facts({ body: Buffer.from('{"\\x":1}') }, chat), null);
  assert.equal(reader.facts({ body: Buffer.from('{"a":1,"a":2}') }, chat), null);
});

test('one body is read by the rules of each dialect', () => {
  const body = { input: 'hi', user: 'u' };
  assert.notEqual(read(body, responses)?.isDeterministic, read(body, embeddings)?.isDeterministic);
  const many = new BodyReader();
  for (let i = 0; i < 10_010; i++) many.facts({ body: Buffer.from(`{"seed":${i}}`) }, chat);
  assert.equal(many.facts({ body: Buffer.from('{"seed":1}') }, chat)?.isDeterministic, true);
});

test('requests of equal small bodies are one object, made once for each dialect', () => {
  const bodies = new BodyReader();
  const made: Buffer[] = [];
  const make = (body: Buffer) => {
    made.push(body);
    return { ...requestWithout(`m${made.length}`), body };
  };
  const request = (text: string, dialect = chat) =>
    bodies.request(Buffer.from(text), dialect, make);
  const small = `{"seed":1,"a":"${'x'.repeat(1_024 - 17)}"}`;
  assert.equal(small.length, 1_024);
  const first = request(small);
  assert.equal(request(small), first);
  assert.equal(made.length, 1);
  assert.equal(first.body.toString(), small);
  assert.equal(first.body.buffer.byteLength, small.length);
  assert.equal(bodies.facts(first, chat), bodies.facts({ body: Buffer.from(small) }, chat));
  assert.notEqual(request(small.replace('1', '2')), first);
  assert.notEqual(request(small, responses), first);

  const large = `${small} `;
  assert.notEqual(request(large), request(large));
  assert.equal(bodies.facts(request(large), chat)?.isDeterministic, true);
});

test('facts are those of the request that is asked for, not of the one before', () => {
  const bodies = new BodyReader();
  const make = (body: Buffer) => ({ ...requestWithout('m'), body });
  const [one, other] = ['{"seed":1}', '{"a":1}'].map((text) =>
    bodies.request(Buffer.from(text), chat, make),
  );
  assert.ok(one && other);
  assert.equal(bodies.facts(one, chat)?.isDeterministic, true);
  assert.equal(bodies.facts(other, chat)?.isDeterministic, false);
});

test('a body that makes no request is read again', () => {
  const bodies = new BodyReader();
  const refuse = () => {
    throw new Error('no model');
  };
  for (let i = 0; i < 2; i++) {
    assert.throws(() => bodies.request(Buffer.from('{}'), chat, refuse), /no model/);
  }
});
