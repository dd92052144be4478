import { page, pageHeaders, wantsPage } from '../../server/page.js';
import type { AdminRoute } from '../route.js';

const what = 'This is llmproxy, a gateway for large language models.';

/** `/`: tells a person who opens the gateway's address what it is and where to go. */
export const homeRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/',
    access: 'open',
    operation: {
      operationId: 'getHome',
      summary: 'What this is and where to go',
      description: 'A page for browsers, plain text for others.',
      tags: ['docs'],
      responses: {
        200: {
          description: 'The page',
          content: {
            'text/html': { schema: { type: 'string' } },
            'text/plain': { schema: { type: 'string' } },
          },
        },
      },
    },
    handle: ({ headers }) => {
      const vary = { vary: 'accept' };
      if (wantsPage('GET', headers.accept ?? '')) {
        return { status: 200, headers: { ...pageHeaders, ...vary }, body: homePage };
      }
      const type = { 'content-type': 'text/plain; charset=utf-8' };
      return { status: 200, headers: { ...type, ...vary }, body: homeText };
    },
  },
];

const homeText = `${what}

Clients: set the base URL to this address followed by /v1, and a key of this gateway.
The API: /docs
Health:  /health
On the machine of the gateway: llmproxy --help
`;

const homePage = page(
  'llmproxy',
  `<p>${what}</p>
<ul>
<li>Clients: set the base URL to this address followed by <code>/v1</code>, and a key of this gateway.</li>
<li><a href="docs">The API</a>, also as <a href="openapi.json">OpenAPI</a></li>
<li><a href="health">Health</a></li>
<li>On the machine of the gateway: <code>llmproxy --help</code></li>
</ul>`,
);
