import { query } from '../../changes/query.js';
import { createTeam, deleteTeam, existingTeam, updateTeam } from '../../changes/teams.js';
import { teamProperties } from '../../config/rows/credential-schema.js';
import { teamOfRole } from '../../config/settings/settings-types.js';
import { configVersion } from '../../db/queries/configuration/config-version.js';
import { teamOrders } from '../../db/queries/ordered.js';
import type { TeamInput } from '../../db/queries/rows.js';
import { listTeams } from '../../db/queries/teams/list-teams.js';
import { authorOf, waitParameter } from '../author-of.js';
import { listAnswer, pageOf, pageParameters } from '../lists/list-page.js';
import { jsonRequest, jsonResponse, ref } from '../openapi/schemas.js';
import type { AdminRequest, ChangeRoute, Parameter } from '../route.js';

const teamParameter: Parameter = {
  name: 'id',
  in: 'path',
  required: true,
  description: "The team's `id` or name.",
  schema: { type: 'string', minLength: 1, maxLength: 100 },
};

/** `/admin/v1/teams`: the rows of the database, without override files. */
export const teamRoutes: readonly ChangeRoute[] = [
  {
    method: 'GET',
    path: '/admin/v1/teams',
    access: 'admin',
    teams: true,
    operation: {
      operationId: 'listTeams',
      summary: 'List the teams',
      description: 'By id, or sorted. Override files of the machine are not included.',
      tags: ['teams'],
      parameters: pageParameters('name', teamOrders).filter(({ name }) => name !== 'enabled'),
      responses: { 200: jsonResponse('The teams', ref('TeamList')) },
    },
    handle: async (request, control) => {
      const { version } = await query(control, configVersion);
      const own = teamOfRole(request.role);
      const page = { ...pageOf(request.query, 'name'), ...(own !== null && { exact: own }) };
      return await listAnswer(
        { version, name: 'teams', page },
        (part) => query(control, (sql) => listTeams(sql, part)),
        (row) => row,
      );
    },
  },
  {
    method: 'POST',
    path: '/admin/v1/teams',
    access: 'admin',
    operation: {
      operationId: 'createTeam',
      summary: 'Create a team',
      tags: ['teams'],
      parameters: [waitParameter],
      requestBody: jsonRequest({
        type: 'object',
        required: ['name'],
        additionalProperties: false,
        properties: teamProperties,
        examples: [{ name: 'chat', limits: { tokens_per_minute: 200_000 }, tags: ['chat'] }],
      }),
      responses: { 201: jsonResponse('The new team', ref('TeamAnswer')) },
    },
    handle: async (request, control) => {
      const fields = request.body as Pick<TeamInput, 'name'>;
      const { version, row } = await createTeam(control, authorOf(request), fields);
      const headers = { location: `/admin/v1/teams/${row.id}` };
      return { status: 201, headers, body: { version, team: row } };
    },
  },
  {
    method: 'GET',
    path: '/admin/v1/teams/{id}',
    access: 'admin',
    operation: {
      operationId: 'getTeam',
      summary: 'Show a team',
      tags: ['teams'],
      parameters: [teamParameter],
      responses: { 200: jsonResponse('The team', ref('TeamAnswer')) },
    },
    handle: async (request, control) => {
      const { version } = await query(control, configVersion);
      return { status: 200, body: { version, team: await existingTeam(control, teamOf(request)) } };
    },
  },
  {
    method: 'PUT',
    path: '/admin/v1/teams/{id}',
    access: 'admin',
    operation: {
      operationId: 'updateTeam',
      summary: 'Change a team',
      description: 'Omitted fields stay as they are; `limits` is replaced whole.',
      tags: ['teams'],
      parameters: [teamParameter, waitParameter],
      requestBody: jsonRequest({
        type: 'object',
        minProperties: 1,
        additionalProperties: false,
        properties: teamProperties,
        examples: [{ limits: { requests_per_minute: 600 } }],
      }),
      responses: { 200: jsonResponse('The team as it is now', ref('TeamUpdated')) },
    },
    handle: async (request, control) => {
      const fields = request.body as Partial<TeamInput>;
      const changed = await updateTeam(control, authorOf(request), teamOf(request), fields);
      const { version, row } = changed;
      return { status: 200, body: { version, status: 'updated', team: row } };
    },
  },
  {
    method: 'DELETE',
    path: '/admin/v1/teams/{id}',
    access: 'admin',
    operation: {
      operationId: 'deleteTeam',
      summary: 'Delete a team',
      description: 'Refused while keys belong to it.',
      tags: ['teams'],
      parameters: [teamParameter, waitParameter],
      responses: { 204: { description: 'It is deleted' } },
    },
    handle: async (request, control) => {
      await deleteTeam(control, authorOf(request), teamOf(request));
      return { status: 204 };
    },
  },
];

function teamOf({ params }: AdminRequest): string {
  return params.id ?? '';
}
