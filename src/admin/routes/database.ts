import { query } from '../../changes/query.js';
import { describeDbUrl } from '../../db/db-url.js';
import { databaseId } from '../../db/queries/database-id.js';
import { jsonResponse, object } from '../openapi/schemas.js';
import type { AdminRoute } from '../route.js';

const text = { type: 'string' };

/** `/admin/v1/database`: which database this gateway uses. */
export const databaseRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/admin/v1/database',
    access: 'admin',
    operation: {
      operationId: 'getDatabase',
      summary: 'Show which database the gateway uses',
      tags: ['monitoring'],
      responses: {
        200: jsonResponse(
          'The database',
          object({
            database: { ...text, description: '`embedded`, or host, port and name.' },
            id: {
              ...text,
              description:
                'The same for everybody who uses this database, until its server restarts.',
            },
          }),
        ),
      },
    },
    handle: async (_request, control) => {
      const { url } = control.settings.database;
      const id = await query(control, databaseId);
      return {
        status: 200,
        body: { database: url === null ? 'embedded' : describeDbUrl(url), id },
      };
    },
  },
];
