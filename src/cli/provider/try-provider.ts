import type { Socket } from 'node:net';
import { saidIn, wantsMoreTokens } from '../../admin/health/probe.js';
import {
  mappedModels,
  probeRequest,
  reasoningProbeRequest,
} from '../../admin/health/probe-request.js';
import type { Provider } from '../../config/configuration.js';
import type { Settings } from '../../config/settings/settings.js';
import { modelEndpoints } from '../../dialects/endpoints.js';
import { compileModelMapping } from '../../routing/model-mapping.js';
import { compileWires, type ProviderWires } from '../../routing/wire.js';
import { askProvider, type ProviderAnswer, type ProviderRequest } from '../../upstream/ask.js';
import { connectedChannel } from '../../upstream/client/connector.js';
import { toUpstreamError } from '../../upstream/upstream-error.js';
import { Upstreams } from '../../upstream/upstreams.js';

/** The results of requests to a provider; durations are milliseconds. */
export interface ProviderTrial {
  /** Clients' name for it; null if none was given or known. */
  model: string | null;
  model_sent: string | null;
  /** Address of the provider's machine. */
  address: string | null;
  requests: Tried[];
  /** The provider's list of models, if none was tested. */
  models_listed: string[];
}

export interface Tried {
  request: 'whole' | 'stream' | 'models';
  status: number | null;
  /** Includes TLS; null if no connection was made, or an open one was reused. */
  connect_ms: number | null;
  first_byte_ms: number | null;
  first_token_ms: number | null;
  total_ms: number;
  tokens: { prompt: number; completion: number } | null;
  /** Null on success. */
  error: string | null;
  /** Advice; `PROVIDER` stands for the provider's name. */
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
  const { model_mapping: mapping, provider_params } = provider;
  const model = named ?? provider_params.probe?.model ?? mappedModels(mapping)[0] ?? null;
  const sent = model === null ? null : (compileModelMapping(mapping)(model) ?? model);
  const wires = compileWires(provider);
  const upstreams = new Upstreams(settings.upstream);
  const connections = watchConnections();
  const ask = (request: ProviderRequest) =>
    trial({ upstreams, wires, provider, connections, timeoutMs }, request);
  try {
    let request = withTokens(probeRequest(wires, sent));
    let whole = await ask(request);
    const requests: Tried[] = [];
    if (sent !== null && wantsMoreTokens({ status: whole.tried.status ?? 0, body: whole.body })) {
      request = reasoningProbeRequest(wires, sent);
      whole = await ask(request);
    }
    requests.push(sent === null ? { ...whole.tried, request: 'models' } : whole.tried);
    const streamed = streamOf(request, provider_params.stream_usage !== false);
    if (whole.tried.error === null && streamed) {
      const { tried } = await ask(streamed);
      requests.push({ ...tried, request: 'stream' });
    }
    const models_listed = sent === null ? idsIn(whole.body) : [];
    const { address } = connections;
    return { model, model_sent: sent, address, requests, models_listed };
  } finally {
    connections.stop();
    await upstreams.pool(wires.connection).destroy();
  }
}

interface Trial {
  upstreams: Upstreams;
  wires: ProviderWires;
  provider: Provider;
  connections: Connections;
  timeoutMs: number;
}

async function trial(
  { upstreams, wires, provider, connections, timeoutMs }: Trial,
  request: ProviderRequest,
): Promise<{ tried: Tried; body: Buffer }> {
  const startMs = performance.now();
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
  let body: Buffer = Buffer.alloc(0);
  try {
    const answer = await askProvider(upstreams, wires, request, {
      timeoutMs,
      maxBytes: maxAnswerBytes,
      signal: new AbortController().signal,
      onHead: (status, headMs) => Object.assign(tried, { status, first_byte_ms: round(headMs) }),
    });
    body = answer.body;
    if (answer.stream) tried.first_token_ms = round(answer.readyMs);
    const usage = request.endpoint?.dialect.readUsage({
      head: () => body,
      tail: () => body,
      whole: () => body,
    });
    if (usage) tried.tokens = { prompt: usage.promptTokens, completion: usage.completionTokens };
    Object.assign(tried, verdictOf(answer, request, provider));
  } catch (error) {
    Object.assign(tried, failureOf(error, tried, connections.made > connectionsBefore, timeoutMs));
  }
  tried.total_ms = round(performance.now() - startMs);
  if (connections.made > connectionsBefore) tried.connect_ms = round(connections.lastTookMs);
  return { tried, body };
}

type Verdict = Pick<Tried, 'error' | 'hint'>;

function verdictOf(
  { status, body, stream }: ProviderAnswer,
  request: ProviderRequest,
  provider: Provider,
): Verdict {
  if (status >= 200 && status < 300) {
    if (isStreamAsked(request) && !stream) {
      return { error: 'answers a stream with no stream', hint: null };
    }
    if (stream || /^\s*[{[]/.test(body.toString())) return { error: null, hint: null };
    return { error: 'the answer is not JSON', hint: hints.base };
  }
  const said = saidIn(body, provider);
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
  const { failure, message } = toUpstreamError(error, connected);
  if (failure === 'timeout') {
    const what = connected || status !== null ? 'did not answer in full' : 'did not connect';
    return { error: `${what} within ${timeoutMs} ms`, hint: 'wait longer with --timeout-ms' };
  }
  if (error instanceof Error && /^answers with/.test(error.message)) {
    return { error: error.message, hint: null };
  }
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

/** Times the connections to providers in this process, TLS included. */
function watchConnections(): Connections {
  const onConnected = (message: unknown) => {
    const { socket, tookMs } = message as { socket: Socket; tookMs: number };
    connections.made++;
    connections.lastTookMs = tookMs;
    const { remoteAddress, remotePort } = socket;
    if (remoteAddress) connections.address = `${remoteAddress} port ${remotePort}`;
  };
  connectedChannel.subscribe(onConnected);
  const connections: Connections = {
    made: 0,
    lastTookMs: 0,
    address: null,
    stop() {
      connectedChannel.unsubscribe(onConnected);
    },
  };
  return connections;
}

/** Asks for more tokens: a single one shows no speed. */
function withTokens(request: ProviderRequest): ProviderRequest {
  if (!request.endpoint || !('max_tokens' in request.body)) return request;
  return { ...request, body: { ...request.body, max_tokens: maxTokens } };
}

/** The same request as a stream; null if the operation has none. */
function streamOf(request: ProviderRequest, asksUsage: boolean): ProviderRequest | null {
  if (!request.endpoint) return null;
  if (request.endpoint.document.stream === null) {
    if (request.endpoint.dialect.operation !== 'chat') return null;
    // Gemini streams at another endpoint, to which a chat request is translated.
    const { model } = request;
    const [endpoint] = modelEndpoints;
    const body = endpoint?.probe?.body(model);
    return endpoint && body ? { endpoint, model, body: { ...body, stream: true } } : null;
  }
  const usage = asksUsage &&
    request.endpoint.dialect.usageFilter && { stream_options: { include_usage: true } };
  return { ...request, body: { ...request.body, stream: true, ...usage } };
}

function isStreamAsked(request: ProviderRequest): boolean {
  return request.endpoint !== null && 'stream' in request.body;
}

/** The names in an answer of `GET /models`. */
function idsIn(body: Buffer): string[] {
  try {
    const { data } = JSON.parse(body.toString());
    return data.flatMap(({ id }: { id?: unknown }) => (typeof id === 'string' ? [id] : []));
  } catch {
    return [];
  }
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
