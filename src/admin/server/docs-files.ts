import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { GatewayError } from '../../errors.js';
import { inPackage } from '../../package.js';

/** A file to serve, with its ETag. */
export interface Content {
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
  const read = (name: string) => readFileSync(inPackage(`dist/docs-ui/${name}`));
  const all = new Map<string, Content>([['init.js', content(contentTypes.js, initScript)]]);
  for (const name of fileNames) {
    const type = contentTypes[name.slice(name.lastIndexOf('.') + 1) as keyof typeof contentTypes];
    const bytes = read(name);
    all.set(name, content(type, name.endsWith('.css') ? `${bytes}${ownStyle}` : bytes));
  }
  return all;
});

/** @throws GatewayError `unknown_url`. */
export function docsFile(name: string): Content {
  const found = files().get(name);
  if (found) return found;
  throw new GatewayError('unknown_url', `Unknown request URL: GET /docs/${name}.`);
}

/** Links are relative, to work below any path, and contain a hash of the content, for caches. */
export const docsPage = once(() => {
  const link = (name: string) => `docs/${name}?v=${docsFile(name).etag.slice(1, 13)}`;
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

export const pageHeaders = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
};

export function content(type: string, text: string | Buffer): Content {
  const bytes = Buffer.from(text);
  return {
    type,
    bytes,
    etag: `"${createHash('sha256').update(bytes).digest('hex').slice(0, 32)}"`,
  };
}

/** Computes the value at the first call and keeps it. */
export function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
