import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { ChangeControl } from '../changes/change-control.js';
import { noSignIn } from './request.js';
import { cachePurgeRoutes } from './routes/cache.js';
import { canaryRoutes } from './routes/canary.js';
import { configLifecycleRoutes } from './routes/config-lifecycle.js';
import { credentialRoutes } from './routes/credentials.js';
import { fleetViewRoutes } from './routes/fleet.js';
import { guardrailRoutes } from './routes/guardrails.js';
import { namedRoutes } from './routes/named.js';
import { providerRoutes } from './routes/providers.js';
import { teamRoutes } from './routes/teams.js';
import { createRouter } from './server/router.js';

const find = createRouter([
  ...providerRoutes,
  ...credentialRoutes,
  ...teamRoutes,
  ...namedRoutes,
  ...guardrailRoutes,
  ...cachePurgeRoutes,
  ...canaryRoutes,
  ...configLifecycleRoutes,
  ...fleetViewRoutes,
]);

export interface CommandRequest {
  method: string;
  /** With the query. */
  path: string;
  body?: object | undefined;
  /** The user of the command, for the history: `cli:USER@HOST`. */
  actor: string;
}

/**
 * Answers a command's request in its own process, as a daemon would.
 * @returns the body of the answer.
 * @throws GatewayError
 */
export async function answerCommand(
  { method, path, body, actor }: CommandRequest,
  control: ChangeControl,
): Promise<string> {
  const url = new URL(path, 'http://localhost');
  const { route, check, params } = find(method, url.pathname);
  check.parameters(params, url.searchParams);
  const answer = await route.handle(
    {
      params,
      query: url.searchParams,
      headers: {},
      body: check.body(body === undefined ? '' : JSON.stringify(body)),
      remoteAddress: 'local',
      local: true,
      requestId: '',
      signal: new AbortController().signal,
      actor,
      isCommand: true,
      ...noSignIn,
      role: 'admin',
    },
    control,
  );
  if (answer.body instanceof Readable) return await text(answer.body);
  return typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? null);
}
