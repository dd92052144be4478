import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  mappedModels,
  probeRequest,
  reasoningProbeRequest,
} from '../../../src/admin/health/probe-request.js';

test('a model is asked what models of its kind can answer cheaply', () => {
  const paths: Record<string, string[]> = {
    '/chat/completions': ['gpt-4o', 'claude-sonnet-4', 'llama-3.1-70b', 'adamant', 'o3'],
    '/embeddings': ['text-embedding-3-small', 'BAAI/bge-m3', 'gte-large', 'nomic-embed-text'],
    '/completions': ['gpt-3.5-turbo-instruct', 'davinci-002', 'babbage-002'],
    '/models': ['bge-reranker-v2', 'dall-e-3', 'gpt-image-1', 'whisper-1', 'tts-1', 'sora-2'],
  };
  for (const [path, models] of Object.entries(paths)) {
    for (const model of models) assert.equal(probeRequest(model).path, path, model);
  }
});

test('one token is asked for, and more only where a model thinks first', () => {
  assert.equal(Reflect.get(probeRequest('gpt-4o').body ?? {}, 'max_tokens'), 1);
  const { body } = reasoningProbeRequest('o3');
  assert.equal(Reflect.get(body ?? {}, 'max_completion_tokens'), 16);
  assert.ok(!Reflect.has(body ?? {}, 'max_tokens'));
});

test('a provider without a model is asked for its list', () => {
  assert.deepEqual(probeRequest(null), { method: 'GET', path: '/models' });
});

test('only exact names of a mapping are models that can be asked for', () => {
  assert.deepEqual(mappedModels({ 'gpt-4': 'x', 'gpt-*': 'y', '/^o/': 'z' }), ['gpt-4']);
});
