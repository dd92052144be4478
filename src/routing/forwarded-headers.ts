import { neverForwarded } from '../config/network/own-headers.js';

/** Client headers that belong to the API, and so go to every provider. */
const names = new Set([
  'accept',
  'content-type',
  'conversation_id',
  'http-referer',
  'idempotency-key',
  'originator',
  'session-id',
  'session_id',
  'thread-id',
  'traceparent',
  'tracestate',
  'user-agent',
  'x-app',
  'x-client-request-id',
  'x-title',
]);
const prefixes = [
  'anthropic-',
  'openai-',
  'x-claude-code-',
  'x-codex-',
  'x-dashscope-',
  'x-grok-',
  'x-openrouter-',
  'x-stainless-',
];
/** A client could name its own account, which does not match the provider's key. */
const accounts = new Set(['openai-organization', 'openai-project']);

/**
 * Compiles the test for client headers that are passed to a provider. The client's credential,
 * cookies and headers added by proxies are not.
 * @param more further names, lower case; those ending in `*` are prefixes.
 */
export function compileForwards(more: readonly string[]): (name: string) => boolean {
  const exact = new Set(more.filter((name) => !name.endsWith('*')));
  const beginnings = more.filter((name) => name.endsWith('*')).map((name) => name.slice(0, -1));
  return (name) =>
    names.has(name) ||
    (exact.has(name) && !isOurs(name)) ||
    (prefixes.some((prefix) => name.startsWith(prefix)) && !accounts.has(name)) ||
    (beginnings.some((prefix) => name.startsWith(prefix)) &&
      !neverForwarded.has(name) &&
      !isOurs(name));
}

/** Meant for this gateway, such as `x-llmproxy-user`. */
function isOurs(name: string): boolean {
  return name.startsWith('x-llmproxy-');
}
