import type { AdminAnswer, AdminRoute } from '../route.js';
import { cached } from '../server/cached.js';
import { consoleFile, consoleHeaders } from '../server/console-files.js';

const tags = ['console'];

/** A name with a hash of the content, as esbuild makes it. */
const hasHash = /-[A-Z0-9]{8}\.\w+$/;

/** `/console`: the files of the console. They hold no data, so everybody may read them. */
export const consoleRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/console',
    access: 'open',
    console: true,
    operation: {
      operationId: 'getConsole',
      summary: 'The console',
      tags,
      responses: {
        200: {
          description: 'The page',
          content: { 'text/html': { schema: { type: 'string' } } },
        },
      },
    },
    handle: (request) => guarded(cached(request, consoleFile('index.html'), 'no-cache')),
  },
  {
    method: 'GET',
    path: '/console/{file}',
    access: 'open',
    console: true,
    operation: {
      operationId: 'getConsoleFile',
      summary: 'A file of the console',
      tags,
      parameters: [
        {
          name: 'file',
          in: 'path',
          required: true,
          description: 'Its name.',
          schema: { type: 'string' },
        },
      ],
      responses: {
        200: {
          description: 'The file',
          content: Object.fromEntries(
            ['text/javascript', 'text/css', 'image/svg+xml'].map((type) => [type, {}]),
          ),
        },
        404: { $ref: '#/components/responses/Error404' },
      },
    },
    handle: (request) =>
      guarded(
        cached(
          request,
          consoleFile(request.params.file ?? ''),
          hasHash.test(request.params.file ?? '')
            ? 'public, max-age=31536000, immutable'
            : 'no-cache',
        ),
      ),
  },
];

function guarded(answer: AdminAnswer): AdminAnswer {
  return { ...answer, headers: { ...answer.headers, ...consoleHeaders } };
}
