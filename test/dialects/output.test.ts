import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  modelEndpoints,
  resourceEndpoints,
  socketEndpoints,
} from '../../src/dialects/endpoints.js';

test('limits count tokens of output where answers are text, and budgets where they are media too', () => {
  const served = [...modelEndpoints, ...resourceEndpoints, ...socketEndpoints];
  const names = (output: string) => [
    ...new Set(served.flatMap(({ dialect }) => (dialect.output === output ? [dialect.name] : []))),
  ];
  assert.deepEqual(names('media'), ['openai.images']);
  assert.deepEqual(names('none').sort(), [
    'anthropic.batches',
    'anthropic.count_tokens',
    'cohere.rerank',
    'gemini.count_tokens',
    'gemini.embed',
    'jina.rerank',
    'openai.client_secrets',
    'openai.embeddings',
    'openai.files',
    'openai.input_tokens',
    'openai.moderations',
    'openai.stored',
  ]);
});
