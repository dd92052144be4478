import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { GatewayError } from '../../errors.js';
import { openApiDocument } from '../openapi.js';
import type { AdminAnswer, AdminRequest, AdminRoute } from '../route.js';

/**
 * `/openapi.json`, and `/docs` that shows it: Swagger UI from our own files, so that it works
 * without the Internet and nobody else learns who reads it.
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
        const answer = cached(request, page(), 'no-cache');
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
          file(request.params.file ?? ''),
          request.query.has('v') ? 'public, max-age=31536000, immutable' : 'no-cache',
        ),
    },
  ];
  const document = once(() =>
    content('application/json', JSON.stringify(openApiDocument([...others, ...routes], version()))),
  );
  return routes;
}

interface Content {
  type: string;
  bytes: Buffer;
  etag: string;
}

const contentTypes = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  png: 'image/png',
};

/** Copied from swagger-ui-dist by the build. */
const fileNames = ['swagger-ui-bundle.js', 'swagger-ui.css', 'favicon-32x32.png'] as const;

const initScript = `SwaggerUIBundle({
  url: new URL('openapi.json', document.baseURI).href,
  dom_id: '#swagger-ui',
  deepLinking: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  tryItOutEnabled: false,
  validatorUrl: null,
});
`;

const ownStyle = `
body { margin: 0; }
.swagger-ui .servers-title, .swagger-ui .servers { display: none; }
`;

const files = once(() => {
  const read = (name: string) => readFileSync(new URL(`../../../docs-ui/${name}`, import.meta.url));
  const all = new Map<string, Content>([['init.js', content(contentTypes.js, initScript)]]);
  for (const name of fileNames) {
    const type = contentTypes[name.slice(name.lastIndexOf('.') + 1) as keyof typeof contentTypes];
    const bytes = read(name);
    all.set(name, content(type, name.endsWith('.css') ? `${bytes}${ownStyle}` : bytes));
  }
  return all;
});

function file(name: string): Content {
  const found = files().get(name);
  if (found) return found;
  throw new GatewayError('unknown_url', `Unknown request URL: GET /docs/${name}.`);
}

/** Links are relative, so that it works below another path too, and change with their content. */
const page = once(() => {
  const link = (name: string) => `docs/${name}?v=${file(name).etag.slice(1, 13)}`;
  return content(
    'text/html; charset=utf-8',
    `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>llmproxy API</title>
<link rel="icon" type="image/png" href="${link('favicon-32x32.png')}">
<link rel="stylesheet" href="${link('swagger-ui.css')}">
</head>
<body>
<div id="swagger-ui"></div>
<noscript>This page needs JavaScript. The document itself: <a href="openapi.json">openapi.json</a>.</noscript>
<script src="${link('swagger-ui-bundle.js')}"></script>
<script src="${link('init.js')}"></script>
</body>
</html>
`,
  );
});

const pageHeaders = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
};

function cached(
  { headers }: AdminRequest,
  { type, bytes, etag }: Content,
  policy: string,
): AdminAnswer {
  const known = headers['if-none-match']?.split(/\s*,\s*/).includes(etag);
  const shared = { etag, 'cache-control': policy };
  if (known) return { status: 304, headers: shared };
  return { status: 200, headers: { ...shared, 'content-type': type }, body: bytes };
}

function content(type: string, text: string | Buffer): Content {
  const bytes = Buffer.from(text);
  return {
    type,
    bytes,
    etag: `"${createHash('sha256').update(bytes).digest('hex').slice(0, 32)}"`,
  };
}

function version(): string {
  const file = new URL('../../../../package.json', import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')).version;
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
