import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../../src/errors.js';
import { modelOf, route } from '../../../src/proxy/request/route.js';
import { nodeEngine } from '../../../src/server/node.js';
import { withServer } from '../../server/support.js';
import { ask } from '../../support/ask.js';

/** The endpoint or the error for each request line, as an engine reports it. */
async function routesOf(lines: readonly string[]): Promise<unknown[]> {
  const found: unknown[] = [];
  await withServer(
    nodeEngine,
    (exchange) => {
      try {
        const endpoint = route(exchange);
        const more = endpoint.kind === 'model' ? ` ${modelOf(exchange)}` : '';
        found.push(`${endpoint.kind} ${endpoint.pattern}${more}`);
      } catch (error) {
        assert.ok(error instanceof GatewayError);
        found.push(`${error.code}${error.headers.allow ? ` ${error.headers.allow}` : ''}`);
      }
      exchange.respond(200, [], '');
    },
    async (_server, origin) => {
      for (const line of lines) {
        const [method = '', path = '', upgrade] = line.split(' ');
        const headers: Record<string, string> = upgrade
          ? { connection: 'upgrade', upgrade: 'WebSocket' }
          : {};
        await ask(origin + path, { method, headers });
      }
    },
  );
  return found;
}

test('paths and methods lead to endpoints, whose patterns hold nothing of the client', async () => {
  const expected = {
    'POST /v1/chat/completions': 'model_request /v1/chat/completions',
    'POST /v1/chat/completions?a=b': 'model_request /v1/chat/completions',
    'POST /v1/completions': 'model_request /v1/completions',
    'POST /v1/embeddings': 'model_request /v1/embeddings',
    'POST /embeddings': 'model_request /v1/embeddings',
    'POST /v1/v1/embeddings': 'model_request /v1/embeddings',
    'POST /v1/messages/count_tokens': 'model_request /v1/messages/count_tokens',
    'GET /models': 'models /v1/models',
    'GET /v1/v1/models/a/models/b': 'model /v1/models/{id} a/models/b',
    'HEAD /api/hello': 'hello /api/hello',
    'GET /v1/v1/health': 'unknown_url',
    'GET /v1/api/hello': 'hello /api/hello',
    'GET /openai/api/hello': 'unknown_url',
    'POST /models/m:generateContent': 'model_request /v1beta/models/{model}:generateContent',
    'POST /v1/v1/v1/embeddings': 'unknown_url',
    'GET /v1/models': 'models /v1/models',
    'HEAD /v1/models': 'models /v1/models',
    'GET /v1/models/gpt-4': 'model /v1/models/{id} gpt-4',
    'GET /v1/models/org%2Fname/x': 'model /v1/models/{id} org/name/x',
    'GET /health': 'health /health',
    'GET /metrics': 'control /metrics',
    'GET /docs/any/file.js': 'control /docs',
    'PUT /admin/v1/providers/7': 'control /admin',
    'GET /v1/chat/completions': 'method_not_allowed POST',
    'DELETE /v1/models': 'method_not_allowed GET',
    'GET /v1/models/%E0%A4%A': 'invalid_request',
    'POST /openai/deployments/d/chat/completions?api-version=1':
      'model_request /v1/chat/completions',
    'POST /openai/v1/responses': 'model_request /v1/responses',
    'POST /openai/responses': 'model_request /v1/responses',
    'GET /openai/v1/models/m': 'model /v1/models/{id} m',
    'GET /openai/models': 'models /v1/models',
    'GET /openai/health': 'unknown_url',
    'GET /openai/admin/v1/providers': 'unknown_url',
    'GET /openai/deployments/d/metrics': 'unknown_url',
    'GET /openai/deployments/d': 'unknown_url',
    'POST /openai/deployments//chat/completions': 'unknown_url',
    'POST /v1beta/models/gemini-2.5-pro:generateContent':
      'model_request /v1beta/models/{model}:generateContent',
    'POST /v1/models/org/m:streamGenerateContent':
      'model_request /v1beta/models/{model}:streamGenerateContent',
    'POST /v1beta1/publishers/google/models/m:countTokens':
      'model_request /v1beta/models/{model}:countTokens',
    'POST /v1beta1/projects/p/locations/l/publishers/google/models/m:generateContent':
      'model_request /v1beta/models/{model}:generateContent',
    'POST /v1beta/v1beta/models/a%2Fb:embedContent':
      'model_request /v1beta/models/{model}:embedContent',
    'POST /v1beta/tunedModels/m:generateContent':
      'model_request /v1beta/models/{model}:generateContent',
    'GET /v1beta/models/m:generateContent': 'method_not_allowed POST',
    'POST /v1beta/models/m:predict': 'method_not_allowed GET',
    'GET /v1/models/llama3:8b': 'model /v1/models/{id} llama3:8b',
    'GET /v1beta/models': 'models /v1beta/models',
    'GET /v1beta1/models/m': 'model /v1beta/models/{id} m',
    'POST /v2/models/m:generateContent': 'unknown_url',
    'POST /v1beta/models/:generateContent': 'method_not_allowed GET',
    'POST /rerank': 'model_request /v1/rerank',
    'POST /v2/rerank': 'model_request /v2/rerank',
    'GET /responses upgrade': 'upgrade_refused',
    'GET /v1/models upgrade': 'models /v1/models',
    'POST /v1/responses upgrade': 'model_request /v1/responses',
    'GET //ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent upgrade':
      'upgrade_refused',
    'GET //ws/google.ai.generativelanguage.v9.GenerativeService.BidiGenerateContent': 'unknown_url',
    'GET /': 'control /',
    'POST /v1/chat/completions/': 'unknown_url',
    'POST /V1/chat/completions': 'unknown_url',
    'GET /adminx': 'unknown_url',
    'GET /metricsx/admin': 'unknown_url',
  };
  assert.deepEqual(await routesOf(Object.keys(expected)), Object.values(expected));
});
