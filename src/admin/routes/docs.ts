import { packageVersion } from '../../package.js';
import { openApiDocument } from '../openapi/document.js';
import type { AdminRoute } from '../route.js';
import { cached } from '../server/cached.js';
import { content, docsFile, docsPage, once, pageHeaders } from '../server/docs-files.js';

/**
 * `/openapi.json`, and `/docs` that shows it with Swagger UI. Its files are served from here, so
 * that it works offline and no third party learns who reads it.
 * @param others every other operation.
 */
export function docsRoutes(others: readonly AdminRoute[]): readonly AdminRoute[] {
  const routes: AdminRoute[] = [
    {
      method: 'GET',
      path: '/openapi.json',
      access: 'open',
      operation: {
        operationId: 'getOpenApi',
        summary: 'This document',
        tags: ['docs'],
        responses: {
          200: {
            description: 'OpenAPI 3.1',
            content: { 'application/json': { schema: { type: 'object' } } },
          },
        },
      },
      handle: (request) => cached(request, document(), 'no-cache'),
    },
    {
      method: 'GET',
      path: '/docs',
      access: 'open',
      operation: {
        operationId: 'getDocs',
        summary: 'This document as a page',
        tags: ['docs'],
        responses: {
          200: {
            description: 'The page',
            content: { 'text/html': { schema: { type: 'string' } } },
          },
        },
      },
      handle: (request) => {
        const answer = cached(request, docsPage(), 'no-cache');
        return { ...answer, headers: { ...answer.headers, ...pageHeaders } };
      },
    },
    {
      method: 'GET',
      path: '/docs/{file}',
      access: 'open',
      operation: {
        operationId: 'getDocsFile',
        summary: 'A file of the page',
        tags: ['docs'],
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
              ['text/javascript', 'text/css', 'image/png'].map((type) => [type, {}]),
            ),
          },
          404: { $ref: '#/components/responses/Error404' },
        },
      },
      handle: (request) =>
        cached(
          request,
          docsFile(request.params.file ?? ''),
          request.query.has('v') ? 'public, max-age=31536000, immutable' : 'no-cache',
        ),
    },
  ];
  const document = once(() =>
    content(
      'application/json',
      JSON.stringify(openApiDocument([...others, ...routes], packageVersion)),
    ),
  );
  return routes;
}
