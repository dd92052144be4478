import { createHmac } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Guardrail } from '../../config/rows/guardrail.js';
import { isObject } from '../../dialects/conversation/read.js';
import type { Call, OutboundPost, PolicyServices } from '../policy.js';
import type { PlacedText, Replacement } from './inspector.js';
import type { CheckedTexts, RemoteCheck, RemoteVerdict } from './remote.js';

const defaults = { timeoutMs: 2_000, retries: 1, maxConcurrency: 32 };
/** Larger than any verdict. */
const maxAnswerBytes = 1_048_576;
const firstPauseMs = 50;
const maxReason = 300;

/** Posts texts to the operator's service. */
export class Webhook implements RemoteCheck {
  readonly #guardrail: Guardrail;

  constructor(guardrail: Guardrail) {
    this.#guardrail = guardrail;
  }

  async check(call: Call, checked: CheckedTexts): Promise<RemoteVerdict> {
    const { name, config } = this.#guardrail;
    const { timeout_ms = defaults.timeoutMs, max_concurrency = defaults.maxConcurrency } = config;
    if (config.secret === '') throw new Error('its secret cannot be read');
    const deadlineMs = performance.now() + timeout_ms;
    const release = await call.services.slot(`guardrail ${name}`, max_concurrency, timeout_ms);
    if (!release) throw new Error('too many checks under way');
    try {
      const body = Buffer.from(JSON.stringify(bodyOf(name, call, checked)));
      const answer = await this.#post(call.services, call.requestId, body, deadlineMs);
      if (answer.status < 200 || answer.status >= 300) {
        throw new Error(`answered ${answer.status}`);
      }
      return verdictIn(answer.body, checked.texts);
    } finally {
      release();
    }
  }

  /** The first answer that another attempt would not change; failures count against the service. */
  #post(
    services: PolicyServices,
    requestId: string,
    body: Buffer,
    deadlineMs: number,
  ): Promise<Answer> {
    const { url = '', retries = defaults.retries, secret } = this.#guardrail.config;
    return services.unlessFailing(`webhook ${url}`, async () => {
      for (let attempt = 0; ; attempt++) {
        const leftMs = Math.ceil(deadlineMs - performance.now());
        if (leftMs <= 0) throw new Error('no answer in time');
        const post: OutboundPost = {
          url,
          headers: [
            ...['content-type', 'application/json', 'x-request-id', requestId],
            ...(secret === undefined ? [] : ['x-llmproxy-signature', signature(secret, body)]),
          ],
          body,
          timeoutMs: leftMs,
          maxBytes: maxAnswerBytes,
        };
        let problem: unknown;
        try {
          const answer = await services.post(post);
          if (answer.status < 500 && answer.status !== 429) return answer;
          problem = new Error(`answered ${answer.status}`);
        } catch (error) {
          problem = error;
        }
        const pauseMs = firstPauseMs * 2 ** attempt;
        if (attempt >= retries || performance.now() + pauseMs >= deadlineMs) throw problem;
        await pause(pauseMs);
      }
    });
  }
}

type Answer = Awaited<ReturnType<PolicyServices['post']>>;

/** Time and HMAC-SHA256 of `TIME.BODY`; the time prevents replays. */
function signature(secret: string, body: Buffer): string {
  const time = Math.floor(Date.now() / 1000);
  const mac = createHmac('sha256', secret).update(`${time}.`).update(body).digest('hex');
  return `t=${time},v1=${mac}`;
}

function bodyOf(
  guardrail: string,
  { requestId, caller, model, pattern }: Call,
  { phase, texts, before }: CheckedTexts,
): object {
  return {
    guardrail,
    phase,
    request_id: requestId,
    key: caller.name,
    team: caller.team,
    model,
    endpoint: pattern,
    texts: texts.map(({ at, text }, index) => ({
      index,
      at,
      text,
      ...(before && { before: before[index] }),
    })),
  };
}

/** @throws Error for an answer without a valid verdict. */
function verdictIn(body: Buffer, texts: readonly PlacedText[]): RemoteVerdict {
  let said: unknown;
  try {
    said = JSON.parse(body.toString());
  } catch {
    throw new Error('answered with no JSON');
  }
  if (!isObject(said)) throw new Error('answered with no object');
  const { verdict, reason, edits } = said;
  if (verdict === 'pass') return { verdict };
  if (verdict === 'refuse') {
    const shown = typeof reason === 'string' ? reason.slice(0, maxReason) : null;
    return { verdict, found: [], reason: shown };
  }
  if (verdict === 'edit' && Array.isArray(edits)) {
    const replacements: Replacement[][] = texts.map(() => []);
    for (const edit of edits) addEdit(replacements, texts, edit);
    return { verdict, replacements };
  }
  throw new Error('answered with no verdict of pass, refuse or edit');
}

/** An edit has the whole new text, or the replaced range from `start` to `end`. */
function addEdit(replacements: Replacement[][], texts: readonly PlacedText[], edit: unknown): void {
  const wrong = () => new Error('answered with an edit that fits no text');
  if (!isObject(edit) || typeof edit.text !== 'string' || typeof edit.index !== 'number') {
    throw wrong();
  }
  const own = replacements[edit.index];
  const text = texts[edit.index]?.text;
  if (!own || text === undefined) throw wrong();
  const { start = 0, end = text.length } = edit;
  if (!Number.isInteger(start) || !Number.isInteger(end)) throw wrong();
  const replacement = { start: start as number, end: end as number, text: edit.text };
  const last = own.at(-1)?.end ?? 0;
  if (replacement.start < last || replacement.end < replacement.start) throw wrong();
  if (replacement.end > text.length) throw wrong();
  own.push(replacement);
}
