import assert from 'node:assert/strict';
import { test } from 'node:test';
import { passedQuery, placeIn } from '../../../src/proxy/request/path-forms.js';

test('a path says the model and whether a stream is asked for', () => {
  const cases: [path: string, model: string, stream: boolean | null][] = [
    ['/v1/chat/completions', '', null],
    ['/openai/v1/responses', '', null],
    ['/openai/deployments/gpt%204/chat/completions', 'gpt 4', null],
    ['/v1beta/models/m:generateContent', 'm', false],
    ['/v1beta/models/m:streamGenerateContent', 'm', true],
    ['/models/m:generateContent', 'm', false],
    ['/other/models/m:generateContent', '', null],
    ['/v1/models/a%2Fb:8b:generateContent', 'a/b:8b', false],
    ['/v1beta1/publishers/google/models/m:countTokens', 'm', false],
    ['/v1beta/tunedModels/m:generateContent', 'tunedModels/m', false],
    ['/v1beta/models/m:other', '', null],
  ];
  for (const [path, model, stream] of cases) {
    assert.deepEqual(placeIn(path, 'alt=sse'), { model, stream }, path);
  }
  assert.deepEqual(placeIn('/v1beta/models/m:generateContent', ''), { model: 'm', stream: false });
});

test('an unreadable path is refused by name', () => {
  assert.throws(() => placeIn('/v1beta/models/m:streamGenerateContent', 'alt=proto'), {
    code: 'invalid_request',
    param: 'alt',
  });
  assert.throws(() => placeIn('/openai/deployments/%ff/embeddings', ''), {
    code: 'invalid_request',
  });
});

test('the version in the query of Azure’s clients is not for other providers', () => {
  const query = 'a=1&api-version=2024-10-21&b=2';
  assert.equal(passedQuery('/openai/v1/responses', query), 'a=1&b=2');
  assert.equal(passedQuery('/openai/deployments/d/embeddings', 'api-version=1'), '');
  assert.equal(passedQuery('/v1/responses', query), query);
});
