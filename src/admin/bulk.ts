import type { ChangeControl } from '../changes/change-control.js';
import { ConfigError } from '../config/problem.js';
import { fromSentError, GatewayError, type SentError, toSentError } from '../errors.js';
import { type AdminAnswer, type BulkRequest, noSignIn } from './request.js';
import { configLifecycleRoutes } from './routes/config-lifecycle.js';
import { guardrailRoutes } from './routes/guardrails.js';
import { requestCheck } from './server/check-request.js';
import { decodeBody } from './server/read-body.js';

/** The thread's reply. */
export type BulkAnswer =
  | { status: number; headers: Readonly<Record<string, string>>; body: Uint8Array }
  | { error: SentError };

const routes = new Map(
  [...configLifecycleRoutes, ...guardrailRoutes].flatMap((route) =>
    route.bulk ? [[route.operation.operationId, { route, check: requestCheck(route) }]] : [],
  ),
);

/** Handles a request in the thread. Never throws. */
export async function answerBulk(
  { operationId, query, body, ...request }: BulkRequest,
  control: ChangeControl,
): Promise<BulkAnswer> {
  try {
    const found = routes.get(operationId);
    if (!found) throw new Error(`${operationId} is not a bulk route`);
    const { route, check } = found;
    const checked = { query: new URLSearchParams(query), body: check.body(decodeBody(body)) };
    // Never aborted: when the client leaves, the whole thread is ended.
    const { signal } = new AbortController();
    const asked = { ...request, ...checked, ...noSignIn, signal };
    return toBytes(await route.handle(asked, control));
  } catch (error) {
    return { error: toBulkError(error) };
  }
}

/** @throws the GatewayError or Error thrown in the thread. */
export function fromBulkAnswer(answer: BulkAnswer): AdminAnswer {
  if ('error' in answer) throw fromSentError(answer.error);
  const { status, headers, body } = answer;
  return { status, headers, body: Buffer.from(body.buffer, body.byteOffset, body.byteLength) };
}

/** Converts an error for sending to another thread. */
export function toBulkError(error: unknown): SentError {
  if (!(error instanceof ConfigError)) return toSentError(error);
  return toSentError(new GatewayError('invalid_configuration', error.message));
}

function toBytes({ status, headers = {}, body }: AdminAnswer): BulkAnswer {
  const isText = typeof body === 'string';
  const bytes = new TextEncoder().encode(isText ? body : JSON.stringify(body));
  const type = isText ? {} : { 'content-type': 'application/json' };
  return { status, headers: { ...type, ...headers }, body: bytes };
}
