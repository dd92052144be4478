import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BodyScanner } from '../../../src/dialects/body/body-scanner.js';
import { promptPrefix, sessionIn, sessionMembers } from '../../../src/dialects/body/session.js';
import { noPlace } from '../../../src/dialects/codec.js';
import type { Dialect } from '../../../src/dialects/dialect.js';
import { modelEndpoints } from '../../../src/dialects/endpoints.js';

function dialectAt(pattern: string): Dialect {
  const found = modelEndpoints.find((endpoint) => endpoint.pattern === pattern);
  assert.ok(found);
  return found.dialect;
}
const chat = dialectAt('/v1/chat/completions');
const messages = dialectAt('/v1/messages');
const responses = dialectAt('/v1/responses');
const gemini = dialectAt('/v1beta/models/{model}:generateContent');

function read(body: object, dialect = chat) {
  const bytes = Buffer.from(JSON.stringify({ model: 'm', ...body }));
  const scanner = new BodyScanner(dialect.members, sessionMembers(dialect));
  scanner.push(bytes);
  const place = dialect === gemini ? { model: 'm', stream: false } : noPlace;
  return dialect.readHead(bytes, scanner.finish(), place);
}
const prefix = (body: object, dialect = chat) => promptPrefix(read(body, dialect));

const user = (content: unknown) => ({ role: 'user', content });
const assistant = (content: unknown) => ({ role: 'assistant', content });

test('the client names its session', () => {
  assert.equal(sessionIn(read({ prompt_cache_key: 'a' })), 'a');
  assert.equal(sessionIn(read({ cachedContent: 'c' }, gemini)), 'c');
  for (const body of [{}, { prompt_cache_key: 7 }, { prompt_cache_key: '' }]) {
    assert.equal(sessionIn(read(body)), null, JSON.stringify(body).slice(0, 60));
  }
});

test('a conversation keeps its beginning while it grows', () => {
  const system = { role: 'system', content: 'Be brief. "role":"user"' };
  const first = [system, user('What is {"role": "user"} [1]?')];
  const grown = [...first, assistant('JSON. \\"'), user('More')];
  const same: [object, object, Dialect][] = [
    [{ messages: first }, { messages: grown }, chat],
    [
      { system: 's', messages: [user('a')] },
      { system: 's', messages: [user('a'), assistant('b'), user('c')] },
      messages,
    ],
    [
      { instructions: 's', input: [user('a')] },
      { instructions: 's', input: [user('a'), { type: 'function_call', name: 'f' }] },
      responses,
    ],
    [
      { systemInstruction: { parts: [] }, contents: [{ parts: [{ text: 'a' }] }] },
      {
        systemInstruction: { parts: [] },
        contents: [{ parts: [{ text: 'a' }] }, { role: 'model', parts: [] }],
      },
      gemini,
    ],
  ];
  for (const [one, other, dialect] of same) {
    assert.ok(prefix(one, dialect));
    assert.equal(prefix(one, dialect), prefix(other, dialect), dialect.name);
  }
});

test('other beginnings are other sessions', () => {
  const all = [
    { messages: [user('a')] },
    { messages: [user('b')] },
    { messages: [assistant('a'), user('a')] },
    { messages: [{ role: 'system', content: 's' }, user('a')] },
    { messages: [{ role: 'system', content: 't' }, user('a')] },
    { messages: [user([{ type: 'text', text: 'a' }])] },
    { prompt: 'a' },
  ].map((body) => prefix(body));
  assert.equal(new Set(all).size, all.length);
  assert.equal(prefix({}), null);
});

test('only the beginning of a long prompt is examined', () => {
  const long = 'x'.repeat(20_000);
  assert.equal(prefix({ messages: [user(`${long}a`)] }), prefix({ messages: [user(`${long}b`)] }));
  assert.notEqual(
    prefix({ messages: [user(`a${long}`)] }),
    prefix({ messages: [user(`b${long}`)] }),
  );
});
