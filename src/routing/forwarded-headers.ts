import { neverForwarded } from '../config/own-headers.js';

/** What of a client's headers concerns the API, and so goes to every provider. */
const names = new Set([
  'accept',
  'content-type',
  'conversation_id',
  'http-referer',
  'idempotency-key',
  'originator',
  'session_id',
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
/** A client could name an account of its own, which our key does not belong to. */
const accounts = new Set(['openai-organization', 'openai-project']);

/**
 * Whether a client's header goes to a provider: the client's credential, cookies and whatever proxies
 * in front add stay here.
 * @param more further names, lower case; those that end in `*` are prefixes.
 */
export function compileForwards(more: readonly string[]): (name: string) => boolean {
  const exact = new Set(more.filter((name) => !name.endsWith('*')));
  const beginnings = more.filter((name) => name.endsWith('*')).map((name) => name.slice(0, -1));
  return (name) =>
    names.has(name) ||
    exact.has(name) ||
    (prefixes.some((prefix) => name.startsWith(prefix)) && !accounts.has(name)) ||
    (beginnings.some((prefix) => name.startsWith(prefix)) && !neverForwarded.has(name));
}
