import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Provider } from '../../src/config/configuration.js';
import { modelEndpoints } from '../../src/dialects/endpoints.js';
import { compileWires } from '../../src/routing/wire.js';
import { provider } from '../config/configuration-for-test.js';

const [chat = assert.fail()] = modelEndpoints;
const endpointAt = (pattern: string) =>
  modelEndpoints.find((each) => each.pattern === pattern) ?? assert.fail();
const azure = (api_base: string, provider_params: Provider['provider_params'] = {}) =>
  compileWires(provider('a', { provider_type: 'azure', api_base, provider_params }));

test('a resource has a path for each deployment, and names its version', () => {
  for (const base of ['', '/', '/openai', '/openai/']) {
    const { to, list } = azure(`https://r.openai.azure.com${base}`);
    const deployments = '/openai/deployments';
    const version = 'api-version=2024-10-21';
    assert.equal(to(chat, 'd')?.path, `${deployments}/d/chat/completions?${version}`);
    assert.equal(to(chat, 'a/b ?')?.path, `${deployments}/a%2Fb%20%3F/chat/completions?${version}`);
    assert.equal(list.path, `/openai/models?${version}`);
  }
  const behind = azure('https://apim.example.com/team', { api_version: '2025-04-01-preview' });
  assert.equal(
    behind.to(chat, 'd')?.path,
    '/team/openai/deployments/d/chat/completions?api-version=2025-04-01-preview',
  );
});

test('the API without versions names the deployment in the body', () => {
  const { to, list } = azure('https://r.openai.azure.com/openai/v1/');
  assert.equal(to(chat, 'd')?.path, '/openai/v1/chat/completions');
  assert.equal(list.path, '/openai/v1/models');
  const preview = azure('https://r.openai.azure.com/openai/v1', { api_version: 'preview' });
  assert.equal(preview.to(chat, 'd')?.path, '/openai/v1/chat/completions?api-version=preview');
});

test('responses name the deployment in the body, and messages are not spoken', () => {
  const responses = endpointAt('/v1/responses');
  const { to } = azure('https://r.openai.azure.com');
  assert.equal(to(responses, 'd')?.path, '/openai/responses?api-version=2025-04-01-preview');
  const unversioned = azure('https://r.openai.azure.com/openai/v1');
  assert.equal(unversioned.to(responses, 'd')?.path, '/openai/v1/responses');
  assert.equal(to(endpointAt('/v1/messages'), 'd'), null);
});

test('the key goes in api-key, unless another scheme is configured', () => {
  assert.deepEqual(azure('https://r.openai.azure.com').list.headers.slice(0, 2), [
    'api-key',
    'sk-provider',
  ]);
  const own = azure('https://r.openai.azure.com', { headers: { 'Api-Key': 'other' } });
  assert.deepEqual(own.list.headers.slice(0, 2), ['api-key', 'other']);
});
