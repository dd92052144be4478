import type { ChangeControl } from '../../changes/change-control.js';
import {
  type ChangedRow,
  createNamed,
  deleteNamed,
  existingNamed,
  updateNamed,
} from '../../changes/named.js';
import { query } from '../../changes/query.js';
import { absentNames, type NamesOthers } from '../../config/absent-names.js';
import { mayOperatorsChange } from '../../config/documents/kinds.js';
import { type NamedSection, namedSections } from '../../config/rows/named.js';
import { configVersion } from '../../db/queries/configuration/config-version.js';
import { listNamed } from '../../db/queries/configuration/named-rows.js';
import { namedOrders } from '../../db/queries/ordered.js';
import { authorOf, waitParameter } from '../author-of.js';
import { listAnswer, pageOf, pageParameters } from '../lists/list-page.js';
import { jsonRequest, jsonResponse, object } from '../openapi/schemas.js';
import type { AdminRequest, ChangeRoute, Parameter } from '../route.js';

interface Words {
  section: NamedSection;
  /** With a capital, in operation ids. */
  one: string;
  many: string;
  example: object;
  tag: string;
}

const version = { type: 'integer', description: 'Version of the configuration.' };
/** The member of an answer to a change that `warningsOf` fills. */
export const warnings = {
  type: 'array',
  items: { type: 'string' },
  description:
    'Keys, teams and providers that it names and the configuration in use lacks: it does nothing without them.',
};
const shown = {
  id: { type: 'integer', description: 'Number of the row.' },
  created_at: { type: 'string', format: 'date-time' },
  updated_at: { type: 'string', format: 'date-time' },
};

/** The names in a row that the configuration in use lacks. */
export function warningsOf(row: NamesOthers, control: ChangeControl): string[] {
  const active = control.active();
  return active ? absentNames(row, active.configuration) : [];
}

/** The operations on such rows of the database, without override files. */
function routesOf({ section, one, many, tag, example }: Words): ChangeRoute[] {
  const { kind, properties, required } = namedSections[section];
  const path = `/admin/v1/${section}`;
  const row = object({ ...shown, ...properties });
  const answer = jsonResponse(`The ${kind}`, object({ version, [kind]: row }));
  const changed = jsonResponse(`The ${kind}`, object({ version, [kind]: row, warnings }));
  const changedBody = ({ version, row }: ChangedRow, control: ChangeControl) => {
    return { version, [kind]: row, warnings: warningsOf(row as NamesOthers, control) };
  };
  const id: Parameter = {
    name: 'id',
    in: 'path',
    required: true,
    description: `The ${kind}'s \`id\` or name.`,
    schema: { type: 'string', minLength: 1, maxLength: 300 },
  };
  const common = { access: 'admin', operators: mayOperatorsChange(kind) } as const;
  const tags = [tag];
  return [
    {
      method: 'GET',
      path,
      access: 'admin',
      operation: {
        operationId: `list${many}`,
        summary: `List the ${section}`,
        description: 'By id, or sorted. Override files of the machine are not included.',
        tags,
        parameters: pageParameters('name', namedOrders).filter(({ name }) => name !== 'enabled'),
        responses: {
          200: jsonResponse(
            `The ${section}`,
            object({ version, [section]: { type: 'array', items: row } }),
          ),
        },
      },
      handle: async (request, control) => {
        const { version } = await query(control, configVersion);
        return await listAnswer(
          { version, name: section, page: pageOf(request.query, 'name') },
          (part) => query(control, (sql) => listNamed(sql, section, part)),
          (found) => found,
        );
      },
    },
    {
      ...common,
      method: 'POST',
      path,
      operation: {
        operationId: `create${one}`,
        summary: `Create a ${kind}`,
        tags,
        parameters: [waitParameter],
        requestBody: jsonRequest({
          type: 'object',
          required: ['name', ...required],
          additionalProperties: false,
          properties,
          examples: [example],
        }),
        responses: { 201: changed },
      },
      handle: async (request, control) => {
        const fields = request.body as { name: string };
        const made = await createNamed(control, authorOf(request), section, fields);
        const headers = { location: `${path}/${made.row.id}` };
        return { status: 201, headers, body: changedBody(made, control) };
      },
    },
    {
      method: 'GET',
      path: `${path}/{id}`,
      access: 'admin',
      operation: {
        operationId: `get${one}`,
        summary: `Show a ${kind}`,
        tags,
        parameters: [id],
        responses: { 200: answer },
      },
      handle: async (request, control) => {
        const { version } = await query(control, configVersion);
        const found = await existingNamed(control, section, refOf(request));
        return { status: 200, body: { version, [kind]: found } };
      },
    },
    {
      ...common,
      method: 'PUT',
      path: `${path}/{id}`,
      operation: {
        operationId: `update${one}`,
        summary: `Change a ${kind}`,
        description: 'Omitted fields stay as they are; objects and lists are replaced whole.',
        tags,
        parameters: [id, waitParameter],
        requestBody: jsonRequest({
          type: 'object',
          minProperties: 1,
          additionalProperties: false,
          properties,
        }),
        responses: { 200: changed },
      },
      handle: async (request, control) => {
        const fields = request.body as object;
        const author = authorOf(request);
        const updated = await updateNamed(control, author, section, refOf(request), fields);
        return { status: 200, body: changedBody(updated, control) };
      },
    },
    {
      ...common,
      method: 'DELETE',
      path: `${path}/{id}`,
      operation: {
        operationId: `delete${one}`,
        summary: `Delete a ${kind}`,
        tags,
        parameters: [id, waitParameter],
        responses: { 204: { description: 'It is deleted' } },
      },
      handle: async (request, control) => {
        await deleteNamed(control, authorOf(request), section, refOf(request));
        return { status: 204 };
      },
    },
  ];
}

function refOf({ params }: AdminRequest): string {
  return params.id ?? '';
}

/** `/admin/v1/prices`, `/admin/v1/budgets`, `/admin/v1/stops`, and others with unique names. */
export const namedRoutes: readonly ChangeRoute[] = [
  ...routesOf({
    section: 'prices',
    tag: 'spend',
    one: 'Price',
    many: 'Prices',
    example: {
      name: 'my-model',
      model: 'my-model*',
      rates: { input: 2_500_000_000, cache_read: 250_000_000, output: 10_000_000_000 },
    },
  }),
  ...routesOf({
    section: 'budgets',
    tag: 'spend',
    one: 'Budget',
    many: 'Budgets',
    example: {
      name: 'chat-monthly',
      amount: 500_000_000_000,
      window: 'month',
      applies_to: { team: 'chat' },
    },
  }),
  ...routesOf({
    section: 'stops',
    one: 'Stop',
    many: 'Stops',
    tag: 'spend',
    example: { name: 'team:chat', applies_to: { team: 'chat' }, reason: 'a runaway agent' },
  }),
  ...routesOf({
    section: 'guardrails',
    one: 'Guardrail',
    many: 'Guardrails',
    example: {
      name: 'no-pii',
      kind: 'pii',
      applies_to: { team: 'chat' },
      config: { entities: ['email', 'card'], action: 'redact', restore: true },
    },
    tag: 'guardrails',
  }),
  ...routesOf({
    section: 'mirrors',
    one: 'Mirror',
    many: 'Mirrors',
    tag: 'canary',
    example: {
      name: 'new-model',
      applies_to: { model: 'gpt-4o' },
      model: 'gpt-5',
      sample_percent: 5,
      budget: 10_000_000_000,
    },
  }),
  ...routesOf({
    section: 'canaries',
    one: 'Canary',
    many: 'Canaries',
    tag: 'canary',
    example: { name: 'to-azure', from_provider: 'openai-main', to_provider: 'azure-eu' },
  }),
];
