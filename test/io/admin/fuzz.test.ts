import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { arbitraryOf } from '../../support/arbitrary-of-schema.js';
import { ask, bearer } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';

interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required?: boolean;
  schema: object;
}

interface Operation {
  operationId: string;
  security: object[];
  parameters?: Parameter[];
  requestBody?: { content: Record<string, { schema: object }> };
  responses: Record<string, object>;
}

interface Document {
  paths: Record<string, Record<string, Operation>>;
}

/** A request as it is sent. */
interface Tried {
  path: string;
  query: string;
  body: string | undefined;
}

const runs = 15;
const controlPath = /^\/(admin|metrics|docs|openapi\.json|health\/detailed)/;

test('every route of the control plane answers each role as documented', async (t) => {
  const viewer = 'a-viewer-of-everything';
  const operator = 'an-operator-of-providers';
  const lead = 'the-lead-of-a-single-team';
  const daemon = await startDaemon(t, {
    settings: {
      admin: {
        keys: [
          { name: 'board', role: 'viewer', key: viewer },
          { name: 'ops', role: 'operator', key: operator },
          { name: 'lead', role: 'team:nobody', key: lead },
        ],
      },
      metrics: { access: 'admin' },
      health: { detailed_access: 'admin' },
    },
  });
  await daemon.addProvider('a', { api_base: 'http://127.0.0.1:1/v1', is_enabled: false });
  const client = await daemon.addKey('alice');
  await daemon.reload();
  const document = JSON.parse((await ask(`${daemon.url}/openapi.json`)).text) as Document;
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema(document, 'document');

  const resolve = (reference: string) =>
    reference
      .slice(2)
      .split('/')
      .reduce<unknown>((node, name) => Reflect.get(node as object, name), document) as object;

  const validators = new Map<object, ValidateFunction>();
  const validatorOf = (schema: object): ValidateFunction => {
    const absolute = JSON.stringify(schema).replaceAll('"#/', '"document#/');
    const validate = validators.get(schema) ?? ajv.compile(JSON.parse(absolute) as object);
    validators.set(schema, validate);
    return validate;
  };

  const arbitraryFor = (schema: object) => arbitraryOf(harmless(schema), resolve);

  function requestFor(path: string, { parameters = [], requestBody }: Operation) {
    const schema = requestBody?.content['application/json']?.schema;
    const values = Object.fromEntries(
      parameters
        .filter(({ in: place }) => place !== 'header')
        .map(({ name, schema: of, in: place }) => {
          const value = arbitraryFor(of);
          return [name, place === 'path' ? value : fc.option(value, { nil: undefined, freq: 2 })];
        }),
    );
    const unknown = rarely(fc.constantFrom('x=1', 'wait=never', 'limit=-1', '&&=', '%00=1'));
    const body = schema
      ? fc.oneof(
          { weight: 20, arbitrary: arbitraryFor(schema).map((value) => JSON.stringify(value)) },
          {
            weight: 1,
            arbitrary: fc.constantFrom('', '{', '[]', '"x"', '{"a":1e999}', '\ufeff{}'),
          },
        )
      : fc.constantFrom(undefined, '{}');
    return fc.record({ values: fc.record(values), unknown, body }).map((made): Tried => {
      const query = parameters
        .filter(({ in: place, name }) => place === 'query' && made.values[name] !== undefined)
        .flatMap(({ name }) =>
          [made.values[name]].flat().map((value) => `${name}=${encoded(value)}`),
        );
      if (made.unknown !== undefined) query.push(made.unknown);
      const filled = path.replace(/\{(\w+)\}/g, (_, name) => encoded(made.values[name]) || '1');
      return { path: filled, query: query.join('&'), body: made.body };
    });
  }

  /** Sends a request, and checks the answer against the document. */
  async function check(operation: Operation, method: string, key: string | null, tried: Tried) {
    const { path, query, body } = tried;
    const answered = await ask(`${daemon.url}${path}${query === '' ? '' : `?${query}`}`, {
      method: method.toUpperCase(),
      headers: key === null ? {} : bearer(key),
      ...(body === undefined ? {} : { body }),
    });
    const where = `${method} ${JSON.stringify(tried)}: ${answered.status} ${answered.text.slice(0, 300)}`;
    assert.ok(answered.status < 500, where);
    const found = operation.responses[answered.status];
    assert.ok(found, where);
    const response = ('$ref' in found ? resolve(String(found.$ref)) : found) as {
      content?: Record<string, { schema?: object }>;
    };
    const type = String(answered.headers['content-type']).split(';')[0] ?? '';
    const schema = response.content?.[type]?.schema;
    if (schema && type === 'application/json') {
      const validate = validatorOf(schema);
      const isValid = validate(JSON.parse(answered.text));
      assert.ok(isValid, `${where}: ${ajv.errorsText(validate.errors)}`);
    }
    const created = JSON.parse(type === 'application/json' ? answered.text : '{}')?.credential?.key;
    if (created) daemon.secrets.add(created);
    return answered;
  }

  /** The daemon itself begins the first step of a canary that an operator made. */
  const changers = async () => {
    const rows = await daemon.sql`SELECT DISTINCT actor FROM audit_log`;
    return rows.map(({ actor }) => actor);
  };
  const keys = async () => [...(await daemon.sql`SELECT * FROM credentials ORDER BY id`)];
  const roles: [role: string, key: string | null][] = [
    ['nobody', null],
    ['a client', client],
    ['a viewer', viewer],
    ['an operator', operator],
    ['the lead of a team', lead],
    ['an admin', daemon.adminKey],
  ];
  for (const [role, key] of roles) {
    await t.test(`as ${role}`, async () => {
      const before = await changers();
      const keysBefore = await keys();
      for (const [path, operations] of Object.entries(document.paths)) {
        // A stream without an end.
        if (!controlPath.test(path) || path === '/admin/v1/events') continue;
        for (const [method, operation] of Object.entries(operations)) {
          const isOpen = operation.security.length === 0;
          await fc.assert(
            fc.asyncProperty(requestFor(path, operation), async (tried) => {
              const { status } = await check(operation, method, key, tried);
              const isAdmin = key !== null && key !== client;
              if (!isOpen && !isAdmin) assert.ok(status >= 400, `${method} ${path}: ${status}`);
            }),
            { numRuns: runs, endOnFailure: true },
          );
        }
      }
      if (key === daemon.adminKey) return;
      assert.deepEqual(await keys(), keysBefore, `${role} changed a key`);
      const added = (await changers()).filter(
        (actor) => !before.includes(actor) && !actor.startsWith('canary:'),
      );
      if (key !== operator) assert.deepEqual(added, [], `${role} changed something`);
    });
  }
});

function rarely<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.oneof({ weight: 12, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
}

/** Providers that cannot be reached: their addresses are made up. */
function harmless(schema: object): object {
  const text = JSON.stringify(schema, (name, value) =>
    name === 'api_base' && typeof value === 'object'
      ? { enum: ['http://127.0.0.1:1/v1', 'https://127.0.0.1:1', 'nonsense', 'ftp://127.0.0.1/'] }
      : value,
  );
  return JSON.parse(text);
}

/** A value as written in a path or a query. */
function encoded(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return encodeURIComponent(text.replace(/\p{Surrogate}/gu, '?'));
}
