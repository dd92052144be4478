import type { IncomingHttpHeaders } from 'node:http';
import type { AnswerJudge } from '../dialects/dialect.js';
import type { ModelEndpoint } from '../dialects/endpoint.js';
import { type RequestTranslation, translateOver } from '../dialects/translate/way.js';
import { type ProviderWires, type Wire, wireAt } from '../routing/wire.js';
import { Attempt } from './attempt.js';
import type { AnswerControl } from './client/exchange-handler.js';
import { readAll } from './fetch-bytes.js';
import { send } from './send.js';
import type { Upstreams } from './upstreams.js';

/** A request of the gateway itself: for a model, or for the list of models. */
export type ProviderRequest =
  | { endpoint: ModelEndpoint; model: string; body: object }
  | { endpoint: null };

export interface ProviderAnswer {
  status: number;
  body: Buffer;
  stream: boolean;
  /** From the request to the head of the answer; to its first content; to its end. */
  headMs: number;
  readyMs: number;
  tookMs: number;
}

export interface AskBounds {
  /** Maximum total time, from the connection to the end of the answer. */
  timeoutMs: number;
  maxBytes: number;
  signal: AbortSignal;
  /** Called at the head of the answer, which may break after it. */
  onHead?: (status: number, headMs: number) => void;
}

/**
 * Sends one request of the gateway itself to a provider, with its key and headers. Request and
 * answer are translated where the provider does not speak the endpoint's dialect.
 * @throws UpstreamError, also when `signal` aborts; Error for an answer that is too long or cannot
 *   be read, or where no translation leads to the provider.
 */
export async function askProvider(
  upstreams: Upstreams,
  wires: ProviderWires,
  request: ProviderRequest,
  { timeoutMs, maxBytes, signal, onHead }: AskBounds,
): Promise<ProviderAnswer> {
  const { endpoint } = request;
  const model = endpoint && wireAt(wires, endpoint, request.model);
  const wire = endpoint ? model : wires.list;
  if (!wire) throw new Error(`does not speak ${endpoint?.dialect.name}`);
  const asked = endpoint && model && ready(model, request.body);
  const own = wire.headerNames.has('content-type') ? [] : ['content-type', 'application/json'];
  const startMs = performance.now();
  const attempt = new TimedAttempt(model?.dialect ?? null, onHead);
  const timer = setTimeout(() => attempt.abort('timeout'), timeoutMs);
  const stop = () => attempt.abort();
  signal.addEventListener('abort', stop);
  try {
    if (signal.aborted) stop();
    send(upstreams, wire, attempt, {
      method: endpoint ? 'POST' : 'GET',
      stream: asked?.stream ?? false,
      query: '',
      headers: [
        ...wire.headers,
        ...wire.defaults,
        ...(endpoint ? own : []),
        ...(asked?.headers ?? []),
      ],
      body: asked?.body ?? null,
      firstByteMs: timeoutMs,
      idleMs: timeoutMs,
    });
    await attempt.ready;
    const readyMs = performance.now() - startMs;
    const answered = await readAll(attempt, maxBytes);
    const tookMs = performance.now() - startMs;
    const { status, stream, headMs } = attempt;
    const { translation } = asked ?? {};
    const body = translation ? translated(translation, answered, status, stream) : answered;
    return { status, body, stream, headMs, readyMs, tookMs };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

/** A request in the form that a wire sends. */
function ready(wire: Wire, request: object) {
  const stream = 'stream' in request && request.stream === true;
  const said = Buffer.from(JSON.stringify(request));
  const translation =
    wire.translation &&
    translateOver(wire.translation.way, { body: said, model: '', stream }, { conversation: null });
  const body = translation?.body ?? said;
  const carried = wire.carry?.(body, '') ?? { body, headers: [] };
  return { ...carried, stream, translation };
}

function translated(
  translation: RequestTranslation,
  answer: Buffer,
  status: number,
  isStream: boolean,
): Buffer {
  if (status >= 400) return Buffer.from(translation.error(answer, status).body);
  if (!isStream) return Buffer.from(translation.answer(answer).body);
  const pipe = translation.stream();
  return Buffer.concat([pipe.push(answer), pipe.end()]);
}

class TimedAttempt extends Attempt {
  headMs = 0;
  readonly #startMs = performance.now();
  readonly #onHead: AskBounds['onHead'];

  constructor(judge: AnswerJudge | null, onHead: AskBounds['onHead']) {
    super(judge);
    this.#onHead = onHead;
  }

  override onResponseStart(
    control: AnswerControl,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    super.onResponseStart(control, status, headers);
    if (status < 200) return;
    this.headMs = performance.now() - this.#startMs;
    this.#onHead?.(status, this.headMs);
  }
}
