import { Agent, request } from 'node:http';

/** The outcome of one request. */
export interface LoadOutcome {
  /**
   * `ok`: a whole answer of 200; `refused`: a whole error answer; `cut`: an answer that began with
   * 200 and is not whole; `failed`: no answer.
   */
  kind: 'ok' | 'refused' | 'cut' | 'failed';
  /** 0 without an answer. */
  status: number;
  /** The code of the error in the body, or of the connection. */
  error: string | null;
  /** `x-llmproxy-provider`. */
  provider: string | null;
  /** `x-llmproxy-attempts`; 0 without. */
  attempts: number;
  /** `[DONE]` was in the stream. */
  done: boolean;
  /** The answer's framing was complete. */
  cleanEnd: boolean;
  startedMs: number;
  tookMs: number;
}

export interface LoadOptions {
  /** The gateway's URL. */
  url: string;
  key: string;
  model?: string;
  /** Requests in flight; a maximum with `perSecond`. */
  concurrency: number;
  /** Share of requests for a stream. */
  streams?: number;
  /** Requests per second, regardless of earlier ones; without it each waits for the last. */
  perSecond?: number;
  /** False: every request has its own connection. */
  keepAlive?: boolean;
}

/** Requests that are sent until they are stopped. */
export interface Load {
  /** Ended requests, in the order of their ends. */
  readonly outcomes: readonly LoadOutcome[];
  /** Stops sending; resolves with all outcomes when the last request has ended. */
  stop(): Promise<readonly LoadOutcome[]>;
}

/** Starts sending chat requests from this process, and records the outcomes. */
export function startLoad(options: LoadOptions): Load {
  const { concurrency, streams = 0, perSecond, keepAlive = true } = options;
  const agent = new Agent({ keepAlive, maxSockets: concurrency });
  const outcomes: LoadOutcome[] = [];
  const underWay = new Set<Promise<void>>();
  let stopped = false;
  let sent = 0;
  const send = () => {
    const stream = Math.floor((sent + 1) * streams) > Math.floor(sent * streams);
    sent++;
    const one = sendChat(options, stream, agent).then((outcome) => {
      outcomes.push(outcome);
      underWay.delete(one);
      if (!stopped && perSecond === undefined) send();
    });
    underWay.add(one);
  };
  const startMs = performance.now();
  const timer = setInterval(() => {
    if (perSecond === undefined) return;
    const due = ((performance.now() - startMs) / 1000) * perSecond;
    while (sent < due && underWay.size < concurrency) send();
  }, 5);
  if (perSecond === undefined) for (let i = 0; i < concurrency; i++) send();
  return {
    outcomes,
    async stop() {
      stopped = true;
      clearInterval(timer);
      await Promise.all(underWay);
      agent.destroy();
      return outcomes;
    },
  };
}

/** Sends one chat request; never rejects. */
export function sendChat(
  { url, key, model = 'm' }: Pick<LoadOptions, 'url' | 'key' | 'model'>,
  stream: boolean,
  agent: Agent | false = false,
): Promise<LoadOutcome> {
  const startedMs = performance.now();
  const outcome: LoadOutcome = {
    kind: 'failed',
    status: 0,
    error: null,
    provider: null,
    attempts: 0,
    done: false,
    cleanEnd: false,
    startedMs,
    tookMs: 0,
  };
  return new Promise((resolve) => {
    const end = (error: string | null) => {
      outcome.error ??= error;
      outcome.tookMs = performance.now() - startedMs;
      resolve(outcome);
    };
    const sent = request(
      `${url}/v1/chat/completions`,
      {
        method: 'POST',
        agent,
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      },
      (response) => {
        let text = '';
        outcome.status = response.statusCode ?? 0;
        outcome.provider = textOf(response.headers['x-llmproxy-provider']);
        outcome.attempts = Number(response.headers['x-llmproxy-attempts'] ?? 0);
        response.setEncoding('utf8').on('data', (piece: string) => {
          text += piece;
        });
        response.on('error', () => {});
        response.on('close', () => {
          outcome.cleanEnd = response.complete;
          judge(outcome, text, stream);
          end(null);
        });
      },
    );
    sent.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
    sent.end(JSON.stringify({ model, stream, messages: [{ role: 'user', content: 'hi' }] }));
  });
}

/** Counts outcomes by kind, such as `ok 200` or `refused 502 upstream_failed`. */
export function tally(outcomes: readonly LoadOutcome[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind, status, error } of outcomes) {
    const name = [kind, status, error].filter((part) => part !== null).join(' ');
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** The number below which this share of the values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

function judge(outcome: LoadOutcome, text: string, stream: boolean): void {
  outcome.done = text.endsWith('data: [DONE]\n\n');
  outcome.error = errorCode(text);
  if (outcome.status !== 200) outcome.kind = outcome.cleanEnd ? 'refused' : 'failed';
  else if (!outcome.cleanEnd || outcome.error !== null) outcome.kind = 'cut';
  else if (stream ? outcome.done : text.endsWith('}')) outcome.kind = 'ok';
  else outcome.kind = 'cut';
}

/** The code of an error body, or of an error event in a stream; null when there is neither. */
function errorCode(text: string): string | null {
  const at = text.startsWith('{"error"') ? 0 : text.lastIndexOf('data: {"error"');
  if (at < 0) return null;
  try {
    const { error } = JSON.parse(
      text
        .slice(at)
        .replace(/^data: /, '')
        .trim(),
    );
    return String(error.code ?? error.type);
  } catch {
    return 'unreadable';
  }
}

function textOf(header: string | string[] | undefined): string | null {
  return typeof header === 'string' ? header : null;
}
