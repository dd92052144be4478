import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  mappedModels,
  probeRequest,
  reasoningProbeRequest,
} from '../../../src/admin/health/probe-request.js';
import { compileWires } from '../../../src/routing/wire.js';
import { provider } from '../../config/configuration-for-test.js';

const wires = compileWires(provider('p'));

test('a model is probed by a cheap request that models of its kind support', () => {
  const dialects: Record<string, string[]> = {
    'openai.chat': ['gpt-4o', 'claude-sonnet-4', 'llama-3.1-70b', 'adamant', 'o3'],
    'openai.embeddings': ['text-embedding-3-small', 'BAAI/bge-m3', 'gte-large', 'nomic-embed-text'],
    'openai.completions': ['gpt-3.5-turbo-instruct', 'davinci-002', 'babbage-002'],
    'the list': ['bge-reranker-v2', 'dall-e-3', 'gpt-image-1', 'whisper-1', 'tts-1', 'sora-2'],
  };
  for (const [dialect, models] of Object.entries(dialects)) {
    for (const model of models) {
      const { endpoint } = probeRequest(wires, model);
      assert.equal(endpoint?.dialect.name ?? 'the list', dialect, model);
    }
  }
});

test('a probe asks for one token, and for more only from reasoning models', () => {
  const messages = [{ role: 'user', content: 'hi' }];
  const few = probeRequest(wires, 'gpt-4o');
  assert.deepEqual(few.endpoint && few.body, { model: 'gpt-4o', messages, max_tokens: 1 });
  const more = reasoningProbeRequest(wires, 'o3');
  assert.deepEqual(more.endpoint && more.body, {
    model: 'o3',
    messages,
    max_completion_tokens: 16,
  });
});

test('a provider without a model is asked for its list', () => {
  assert.deepEqual(probeRequest(wires, null), { endpoint: null });
});

test('only exact names of a mapping are models that can be asked for', () => {
  assert.deepEqual(mappedModels({ 'gpt-4': 'x', 'gpt-*': 'y', '/^o/': 'z' }), ['gpt-4']);
});
