import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestCheck } from '../../../src/admin/server/check-request.js';
import type { GatewayError } from '../../../src/errors.js';

const { body } = requestCheck({
  method: 'POST',
  path: '/admin/v1/x',
  access: 'admin',
  operation: {
    ...{ operationId: 'x', summary: 'x', tags: [], responses: {} },
    requestBody: { required: true, content: { 'application/json': { schema: {} } } },
  },
});

test('characters that PostgreSQL cannot store are refused in every text of a body', () => {
  for (const escaped of ['\\u0000', '\\uD83D', '\\udE00', '\\uD83D\\u0041', 'a\\u0000b']) {
    for (const text of [`{"a":"${escaped}"}`, `{"a":{"b":["${escaped}"]}}`, `{"${escaped}":1}`]) {
      assert.throws(
        () => body(text),
        ({ code, message }: GatewayError) =>
          code === 'invalid_request' && /has a character that cannot be stored/.test(message),
        text,
      );
    }
  }
  const sent = { a: '\u0001 \ud83d\ude00 \\u0000 \\\\ud83d', '\u00e9': null };
  assert.deepEqual(body(JSON.stringify(sent)), sent);
  assert.deepEqual(body('{"a":"\\uD83D\\uDE00"}'), { a: '\u{1f600}' });
});
