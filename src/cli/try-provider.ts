import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import type { ProviderRequest } from '../admin/health/ask-provider.js';
import { saidIn } from '../admin/health/probe.js';
import {
  mappedModels,
  probeRequest,
  reasoningProbeRequest,
} from '../admin/health/probe-request.js';
import type { Provider } from '../config/configuration.js';
import type { Settings } from '../config/settings.js';
import { FirstContent } from '../dialects/first-content.js';
import { isEventStream } from '../dialects/sse.js';
import { compileModelMapping } from '../routing/model-mapping.js';
import { type Upstream, Upstreams } from '../upstream/upstream.js';
import { toUpstreamError } from '../upstream/upstream-error.js';

/** What requests to a provider showed; durations are milliseconds. */
export interface ProviderTrial {
  /** As clients ask for it; null where none was named or known. */
  model: string | null;
  model_sent: string | null;
  /** Of the provider's machine. */
  address: string | null;
  requests: Tried[];
  /** Where no model was asked. */
  models_listed: string[];
}

export interface Tried {
  request: 'whole' | 'stream' | 'models';
  status: number | null;
  /** With TLS; null where no connection was made, or one was there. */
  connect_ms: number | null;
  first_byte_ms: number | null;
  first_token_ms: number | null;
  total_ms: number;
  tokens: { prompt: number; completion: number } | null;
  /** Null where it went well. */
  error: string | null;
  /** What to do; `PROVIDER` stands for its name. */
  hint: string | null;
}

interface TrialOptions {
  model: string | null;
  timeoutMs: number;
}

const maxTokens = 16;
const maxAnswerBytes = 4_194_304;

/** Sends a provider one request for a whole answer and one for a stream. Never rejects. */
export async function tryProvider(
  provider: Provider,
  settings: Settings,
  { model: named, timeoutMs }: TrialOptions,
): Promise<ProviderTrial> {
  const upstreams = new Upstreams(settings.upstream);
  const upstream = upstreams.of(provider);
  const { model_mapping: mapping, provider_params } = provider;
  const model = named ?? provider_params.probe?.model ?? mappedModels(mapping)[0] ?? null;
  const sent = model === null ? null : (compileModelMapping(mapping)(model) ?? model);
  const connections = watchConnections();
  try {
    if (sent === null) {
      const list = probeRequest(null);
      const { tried, text } = await send(upstream, provider, list, timeoutMs, connections);
      const requests = [{ ...tried, request: 'models' as const }];
      return {
        model,
        model_sent: sent,
        address: connections.address,
        requests,
        models_listed: idsIn(text),
      };
    }
    const requests: Tried[] = [];
    const trial = { model, model_sent: sent, models_listed: [] };
    let request = withTokens(probeRequest(sent));
    let whole = await send(upstream, provider, request, timeoutMs, connections);
    if (whole.tried.status === 400 && /max_completion_tokens/.test(whole.text)) {
      request = reasoningProbeRequest(sent);
      whole = await send(upstream, provider, request, timeoutMs, connections);
    }
    requests.push(whole.tried);
    if (whole.tried.error === null && request.dialect?.usageFilter) {
      const asksUsage = provider_params.stream_usage !== false;
      const streamed = {
        ...request.body,
        stream: true,
        ...(asksUsage && { stream_options: { include_usage: true } }),
      };
      request = { ...request, body: streamed };
      const stream = await send(upstream, provider, request, timeoutMs, connections);
      requests.push({ ...stream.tried, request: 'stream' });
    }
    return { ...trial, address: connections.address, requests };
  } finally {
    connections.stop();
    await upstream.pool.destroy();
  }
}

async function send(
  { pool, basePath, headers, headerNames }: Upstream,
  provider: Provider,
  { method, path, body, dialect }: ProviderRequest,
  timeoutMs: number,
  connections: Connections,
): Promise<{ tried: Tried; text: string }> {
  const startMs = performance.now();
  const since = () => round(performance.now() - startMs);
  const connectionsBefore = connections.made;
  const tried: Tried = {
    request: 'whole',
    status: null,
    connect_ms: null,
    first_byte_ms: null,
    first_token_ms: null,
    total_ms: 0,
    tokens: null,
    error: null,
    hint: null,
  };
  const pieces: Buffer[] = [];
  const text = () => Buffer.concat(pieces).toString('utf8');
  try {
    const own = headerNames.has('content-type') ? [] : ['content-type', 'application/json'];
    const answer = await pool.request({
      method,
      path: basePath + path,
      headers: body ? [...headers, ...own] : [...headers],
      body: body ? JSON.stringify(body) : null,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      signal: AbortSignal.timeout(timeoutMs),
    });
    tried.status = answer.statusCode;
    tried.first_byte_ms = since();
    const isStream = isEventStream(answer.headers['content-type']);
    const first = isStream && dialect ? new FirstContent(dialect.judge) : null;
    let bytes = 0;
    for await (const piece of answer.body as AsyncIterable<Buffer>) {
      bytes += piece.length;
      if (bytes > maxAnswerBytes) throw new Error(`answers with more than ${maxAnswerBytes} bytes`);
      pieces.push(piece);
      if (!first || tried.first_token_ms !== null) continue;
      const verdict = first.push(piece);
      if (verdict === 'content') tried.first_token_ms = since();
      if (verdict === 'error') throw new Error('answers with an error event');
    }
    const whole = Buffer.concat(pieces);
    const ends = { head: () => whole, tail: () => whole };
    const usage = dialect?.readUsage(ends) ?? null;
    tried.tokens = usage && { prompt: usage.promptTokens, completion: usage.completionTokens };
    Object.assign(tried, verdictOf(answer.statusCode, text(), isStream, body, provider));
  } catch (error) {
    Object.assign(tried, failureOf(error, tried, connections.made > connectionsBefore, timeoutMs));
  }
  tried.total_ms = since();
  if (connections.made > connectionsBefore) tried.connect_ms = round(connections.lastTookMs);
  return { tried, text: text() };
}

type Verdict = Pick<Tried, 'error' | 'hint'>;

function verdictOf(
  status: number,
  text: string,
  isStream: boolean,
  body: object | undefined,
  provider: Provider,
): Verdict {
  const wantsStream = body !== undefined && 'stream' in body;
  if (status >= 200 && status < 300) {
    if (wantsStream && !isStream) return { error: 'answers a stream with no stream', hint: null };
    if (isStream || /^\s*[{[]/.test(text)) return { error: null, hint: null };
    return { error: 'answers with something that is no JSON', hint: hints.base };
  }
  const said = saidIn(text, provider);
  const error = `answers ${status}${said ? `: ${said}` : ''}`;
  return { error, hint: hintOf(status) };
}

function hintOf(status: number): string | null {
  if (status === 401 || status === 403) return hints.key;
  if (status === 404) return hints.missing;
  if (status === 402 || status === 429)
    return 'its quota or rate limit is used up: look at its account';
  if (status >= 300 && status < 400) return `a redirect is never followed: ${hints.base}`;
  return status >= 500 ? 'the provider itself fails: try again, or look at its status page' : null;
}

const hints = {
  base: 'see if --api-base is right; most end in /v1: llmproxy provider show PROVIDER',
  key: 'its key is not accepted: llmproxy provider update PROVIDER --api-key-env VARIABLE',
  missing: 'it does not have that model, or --api-base is wrong: name another with --model',
};

function failureOf(
  error: unknown,
  { status }: Tried,
  connected: boolean,
  timeoutMs: number,
): Verdict {
  const isTimeout = error instanceof Error && error.name === 'TimeoutError';
  if (isTimeout) {
    const what = connected || status !== null ? 'did not answer in full' : 'did not connect';
    return { error: `${what} within ${timeoutMs} ms`, hint: 'wait longer with --timeout-ms' };
  }
  if (error instanceof Error && /^answers with/.test(error.message)) {
    return { error: error.message, hint: null };
  }
  const { failure, message } = toUpstreamError(error, connected);
  if (failure !== 'connect') return { error: message, hint: null };
  const hint =
    'see if --api-base is right and this machine may reach it: llmproxy provider show PROVIDER';
  return { error: message, hint };
}

interface Connections {
  made: number;
  lastTookMs: number;
  address: string | null;
  stop(): void;
}

/** Times the connections of undici in this process, TLS included. */
function watchConnections(): Connections {
  let beganMs = 0;
  const begin = () => {
    beganMs = performance.now();
  };
  const end = (message: unknown) => {
    const { socket } = message as { socket?: Socket };
    connections.made++;
    connections.lastTookMs = performance.now() - beganMs;
    const { remoteAddress, remotePort } = socket ?? {};
    if (remoteAddress) connections.address = `${remoteAddress} port ${remotePort}`;
  };
  subscribe('undici:client:beforeConnect', begin);
  subscribe('undici:client:connected', end);
  const connections: Connections = {
    made: 0,
    lastTookMs: 0,
    address: null,
    stop() {
      unsubscribe('undici:client:beforeConnect', begin);
      unsubscribe('undici:client:connected', end);
    },
  };
  return connections;
}

/** One token shows no speed. */
function withTokens({ body, ...request }: ProviderRequest): ProviderRequest {
  const many = body && 'max_tokens' in body ? { ...body, max_tokens: maxTokens } : body;
  return many ? { ...request, body: many } : request;
}

/** The names in an answer of `GET /models`. */
function idsIn(text: string): string[] {
  try {
    const { data } = JSON.parse(text);
    return data.flatMap(({ id }: { id?: unknown }) => (typeof id === 'string' ? [id] : []));
  } catch {
    return [];
  }
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
