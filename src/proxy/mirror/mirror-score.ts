import { isObject } from '../../dialects/conversation/read.js';
import type { Bodies } from '../../observe/request-event.js';
import { fetchBytes } from '../../upstream/fetch-bytes.js';
import type { Gateway } from '../gateway.js';
import type { RequestRecord } from '../record.js';

const timeoutMs = 10_000;
const maxAnswerBytes = 65_536;

/**
 * Posts both answers to a mirror's webhook.
 * @returns the score, from 0 to 1; null where it gives none.
 * @throws Error where it cannot be asked, or answers with anything else.
 */
export async function scoreOf(
  { settings }: Pick<Gateway, 'settings'>,
  url: string,
  mirror: string,
  client: RequestRecord,
  copy: RequestRecord,
): Promise<number | null> {
  const { requestId: request_id, endpoint, model, stream } = client;
  const request = textOf(client.bodies, 'request');
  const answers = { client: shown(client), copy: shown(copy) };
  const body = JSON.stringify({ mirror, request_id, endpoint, model, stream, request, ...answers });
  const answer = await fetchBytes(settings.upstream, {
    ...{ method: 'POST', url, timeoutMs, maxBytes: maxAnswerBytes, body },
    headers: ['content-type', 'application/json'],
  });
  if (answer.status >= 300) throw new Error(`it answered ${answer.status}`);
  const text = answer.body.toString();
  const said: unknown = text.trim() === '' ? {} : JSON.parse(text);
  const score = isObject(said) ? (said.score ?? null) : undefined;
  if (score === null) return null;
  if (typeof score === 'number' && score >= 0 && score <= 1) return score;
  throw new Error('its score is no number from 0 to 1');
}

function shown(record: RequestRecord) {
  const { provider, candidate, status, upstreamMs, firstTokenMs, usage, bodies } = record;
  return {
    provider,
    model_sent: candidate?.model ?? null,
    status,
    upstream_ms: upstreamMs,
    first_token_ms: firstTokenMs,
    completion_tokens: usage?.completionTokens ?? null,
    body: textOf(bodies, 'response'),
  };
}

function textOf(bodies: Bodies | null, which: keyof Bodies): string {
  return bodies === null ? '' : Buffer.from(bodies[which].bytes).toString();
}
