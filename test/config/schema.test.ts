import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import { routes } from '../../src/admin/routes/index.js';
import { documentSchema } from '../../src/config/documents/document-schema.js';
import { listPattern, patternReason } from '../../src/config/pattern-words.js';
import { compileSchema, toProblems } from '../../src/config/schema.js';
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

test('what a value must be is told in words', () => {
  const reasonOf = (schema: object, value: unknown) => {
    const isValid = compileSchema(schema);
    assert.ok(!isValid(value));
    return toProblems('', isValid.errors)[0]?.reason;
  };
  const told: [object, unknown, string][] = [
    [{ exclusiveMinimum: 0 }, 0, 'must be above 0'],
    [{ minLength: 1 }, '', 'must not be empty'],
    [{ minLength: 8 }, 'short', 'must have at least 8 characters'],
    [{ maxLength: 2 }, 'abc', 'must have at most 2 characters'],
    [{ minItems: 1 }, [], 'must not be empty'],
    [{ minItems: 2 }, [1], 'must have at least 2 entries'],
    [{ maxItems: 1 }, [1, 2], 'must have at most 1 entries'],
    [{ uniqueItems: true }, [1, 1], 'must not have the same entry twice'],
    [{ pattern: '^https?://[^\\s]+$' }, 'x', 'must be a URL that begins with http:// or https://'],
    [{ pattern: '^x$' }, 'y', 'must match the pattern ^x$'],
    [
      { propertyNames: { pattern: '^/' } },
      { a: 1 },
      '"a" is not a possible name: it must be an absolute path',
    ],
  ];
  for (const [schema, value, reason] of told) {
    const type = Array.isArray(value) ? 'array' : typeof value;
    assert.equal(reasonOf({ type, ...schema }, value), reason);
  }
});

function patternsIn(schema: unknown): string[] {
  if (!(schema instanceof Object)) return [];
  return Object.entries(schema).flatMap(([name, value]) =>
    name === 'pattern' && typeof value === 'string' ? [value] : patternsIn(value),
  );
}

test('no pattern is told as it is written', () => {
  const patterns = patternsIn([
    settingsSchema,
    documentSchema,
    routes.map(({ operation: { parameters, requestBody } }) => [parameters, requestBody]),
  ]);
  assert.ok(new Set(patterns).size >= 30);
  for (const pattern of patterns) assert.match(patternReason(pattern), /^must be /, pattern);
});

test('a list of fixed names is told by its names', () => {
  const two = listPattern(['key', 'day'], 2);
  assert.equal(patternReason(two), 'must be one or two of key, day, separated by commas');
  const texts = ['key', 'key,day', 'day,day', 'key,day,key', 'key,', 'keys', ''];
  const accepted = (pattern: string) => texts.filter((text) => new RegExp(pattern).test(text));
  assert.deepEqual(accepted(two), ['key', 'key,day', 'day,day']);
  const any = listPattern(['key', 'day']);
  assert.equal(patternReason(any), 'must be one or more of key, day, separated by commas');
  assert.deepEqual(accepted(any), ['key', 'key,day', 'day,day', 'key,day,key']);
});

test('URLs of settings that are shown hold no password, and are told in words', () => {
  const patterns = patternsIn(settingsSchema).filter((pattern) => pattern.includes('://'));
  const shown = patterns.filter((pattern) => pattern.includes('http'));
  assert.ok(shown.length >= 6);
  for (const pattern of shown) {
    assert.match(patternReason(pattern), /^must be a URL .* without a user/, pattern);
    assert.ok(!new RegExp(pattern).test('https://me:secret@example.com/a'), pattern);
  }
  assert.match(patternReason('^(valkeys?|rediss?)://.'), /^must be a URL /);
});
