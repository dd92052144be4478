import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { openApiDocument } from '../../src/admin/openapi/document.js';
import type { Operation } from '../../src/admin/route.js';
import { routes } from '../../src/admin/routes/index.js';
import {
  modelEndpoints,
  ownEndpoints,
  resourceEndpoints,
  socketEndpoints,
} from '../../src/dialects/endpoints.js';
import { errorTable } from '../../src/errors.js';

interface Document {
  tags: { name: string }[];
  paths: Record<string, Record<string, Operation & { security: object[] }>>;
  components: { responses: object; headers: object; schemas: object };
}

const text = JSON.stringify(openApiDocument(routes, '1.2.3'));
const document = JSON.parse(text) as Document;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);

test('is a valid OpenAPI 3.1 document', async () => {
  const { valid, errors } = await new Validator().validate(JSON.parse(text));
  assert.ok(valid, JSON.stringify(errors));
});

test('describes every endpoint of the data plane and every route of the control plane', () => {
  for (const { kind, method, pattern } of [
    ...modelEndpoints,
    ...socketEndpoints,
    ...ownEndpoints,
  ]) {
    const path = pattern.replace('{id}', '{model}');
    if (kind !== 'control') assert.ok(document.paths[path]?.[method?.toLowerCase() ?? ''], path);
  }
  for (const { methods, pattern } of resourceEndpoints) {
    for (const method of methods)
      assert.ok(document.paths[pattern]?.[method.toLowerCase()], pattern);
  }
  for (const { method, path } of routes) {
    assert.ok(document.paths[path]?.[method.toLowerCase()], `${method} ${path}`);
  }
});

test('has names that a generated client can use, and only tags that it describes', () => {
  const ids = operations.map(({ operation }) => operation.operationId);
  assert.equal(new Set(ids).size, ids.length);
  const tags = new Set(document.tags.map(({ name }) => name));
  for (const { operation } of operations) {
    assert.match(operation.operationId, /^[a-z][A-Za-z]+$/);
    for (const tag of operation.tags) assert.ok(tags.has(tag), tag);
    assert.ok(Array.isArray(operation.security), operation.operationId);
  }
});

test('describes every parameter of a path', () => {
  for (const { path, operation } of operations) {
    const described = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
    const named = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    assert.deepEqual(
      described.map(({ name }) => name),
      named,
      path,
    );
  }
});

test('has no dangling references and no unused components', () => {
  const referred = new Set([...text.matchAll(/"#\/components\/([^"]+)"/g)].map(([, to]) => to));
  const present = Object.entries(document.components)
    .filter(([kind]) => kind !== 'securitySchemes')
    .flatMap(([kind, parts]) => Object.keys(parts).map((name) => `${kind}/${name}`));
  assert.deepEqual([...referred].sort(), present.sort());
});

test('lists every error code with its status', () => {
  const responses = document.components.responses as Record<string, { description: string }>;
  for (const [code, { status }] of Object.entries(errorTable)) {
    assert.match(responses[`Error${status}`]?.description ?? '', new RegExp(`\`${code}\``));
  }
});

test('the page of errors has a row for every code, with its status and type', () => {
  const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith('| `'));
  const told = rows.map((row) => row.split('|').map((cell) => cell.trim().replaceAll('`', '')));
  assert.deepEqual(
    told.map(([, code, status, type]) => `${code} ${status} ${type}`).sort(),
    Object.entries(errorTable)
      .map(([code, { status, type }]) => `${code} ${status} ${type}`)
      .sort(),
  );
});

test('bounds every number that a request may hold', () => {
  const unbounded: string[] = [];
  const look = (at: string, schema: unknown) => {
    if (!(schema instanceof Object)) return;
    const { type, maximum } = schema as { type?: unknown; maximum?: unknown };
    const isNumber = [type].flat().some((each) => each === 'integer' || each === 'number');
    if (isNumber && typeof maximum !== 'number') unbounded.push(at);
    for (const [name, value] of Object.entries(schema)) look(`${at}.${name}`, value);
  };
  for (const { operation } of routes) {
    look(operation.operationId, operation.requestBody);
    for (const { name, schema } of operation.parameters ?? []) {
      look(`${operation.operationId}.${name}`, schema);
    }
  }
  assert.deepEqual(unbounded, []);
});
