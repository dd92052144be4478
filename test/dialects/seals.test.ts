import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeptReasoning } from '../../src/dialects/translate/kept-reasoning.js';
import { affinityOf, unwrapSeal, wrapSeal } from '../../src/dialects/translate/seals.js';

const key = Buffer.alloc(32, 1);
const wrapped = {
  seal: {
    dialect: 'anthropic.messages',
    provider: 'one',
    slot: 'signature',
    id: null,
    data: 'EqQB+/=',
  },
  text: 'hm',
} as const;

test('a wrapper is base64 and round-trips', () => {
  const wrapper = wrapSeal(wrapped, key);
  assert.match(wrapper, /^llmproxy[A-Za-z0-9+/]+=*$/);
  assert.deepEqual(unwrapSeal(wrapper, key), wrapped);
});

test('a wrapper of another key, or changed anywhere, is refused', () => {
  const wrapper = wrapSeal(wrapped, key);
  assert.equal(unwrapSeal(wrapper, Buffer.alloc(32, 2)), null);
  for (let at = 0; at < wrapper.length; at++) {
    const other = wrapper[at] === 'A' ? 'B' : 'A';
    const changed = wrapper.slice(0, at) + other + wrapper.slice(at + 1);
    const read = unwrapSeal(changed, key);
    // The last character has bits that stand for nothing.
    if (read) assert.deepEqual(read, wrapped, `character ${at}`);
    else assert.equal(read, null);
  }
  for (const text of ['', 'llmproxy', 'llmproxyAAAA', 'EqQB', wrapper.slice(0, 40)]) {
    assert.equal(unwrapSeal(text, key), null, text);
  }
});

test('the last wrapper of a body says where its session is at home', () => {
  const second = { ...wrapped, seal: { ...wrapped.seal, provider: 'two' } };
  const messages = [wrapSeal(wrapped, key), wrapSeal(second, key)];
  const body = Buffer.from(JSON.stringify({ messages, text: 'the word "llmproxy" itself' }));
  assert.deepEqual(affinityOf(body, key), { dialect: 'anthropic.messages', provider: 'two' });
  assert.equal(affinityOf(body, Buffer.alloc(32, 2)), null);
  assert.equal(affinityOf(Buffer.from('{}'), key), null);
  const forged = Buffer.from(JSON.stringify(Array(1000).fill('llmproxyAAAA')));
  assert.equal(affinityOf(forged, key), null);
});

test('other processes learn each kept value once, and do not pass it on again', () => {
  const told: string[] = [];
  const other = new KeptReasoning(1_000_000, 60_000);
  const kept = new KeptReasoning(1_000_000, 60_000, (id, reasoning) => {
    told.push(id);
    other.learn(id, reasoning);
  });
  const reasoning = [{ type: 'reasoning' as const, text: 'hm', seal: null }];
  kept.put('one', reasoning);
  kept.learn('two', reasoning);
  assert.deepEqual(kept.get('one'), reasoning);
  assert.deepEqual(other.get('one'), reasoning);
  assert.deepEqual(kept.get('two'), reasoning);
  assert.equal(other.get('two'), null);
  assert.deepEqual(told, ['one']);
});
