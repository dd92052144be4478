import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import { routes } from '../../src/admin/routes/index.js';
import { documentSchema } from '../../src/config/documents/document-schema.js';
import { settingsSchema } from '../../src/config/settings/settings-schema.js';

test('every schema is valid JSON Schema, which nothing checks when it is used', () => {
  const ajv = new Ajv({ allErrors: true });
  const ofRoutes = routes.flatMap(({ operation: { operationId, parameters, requestBody } }) => [
    ...(parameters ?? []).map(({ name, schema }) => [`${operationId} ${name}`, schema] as const),
    ...(requestBody
      ? [[operationId, requestBody.content['application/json'].schema] as const]
      : []),
  ]);
  assert.ok(ofRoutes.length > 100);
  for (const [name, schema] of [
    ['settings', settingsSchema] as const,
    ['documents', documentSchema] as const,
    ...ofRoutes,
  ]) {
    assert.equal(ajv.validateSchema(schema), true, `${name}: ${ajv.errorsText()}`);
  }
});
