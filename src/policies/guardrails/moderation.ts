import type { Guardrail } from '../../config/rows/guardrail.js';
import { isObject } from '../../dialects/conversation/read.js';
import type { Call } from '../policy.js';
import type { CheckedTexts, RemoteCheck, RemoteVerdict } from './remote.js';

const pattern = '/v1/moderations';
const defaults = { timeoutMs: 5_000, maxConcurrency: 32 };
const maxAnswerBytes = 4_194_304;

/** Asks a moderation model through the gateway. */
export class Moderation implements RemoteCheck {
  readonly #guardrail: Guardrail;

  constructor(guardrail: Guardrail) {
    this.#guardrail = guardrail;
  }

  async check(call: Call, { texts }: CheckedTexts): Promise<RemoteVerdict> {
    const { name, config } = this.#guardrail;
    const { model = '', timeout_ms: timeoutMs = defaults.timeoutMs } = config;
    const capacity = config.max_concurrency ?? defaults.maxConcurrency;
    const release = await call.services.slot(`guardrail ${name}`, capacity, timeoutMs);
    if (!release) throw new Error('too many checks under way');
    try {
      const body = { model, input: texts.map(({ text }) => text) };
      const bounds = { timeoutMs, maxBytes: maxAnswerBytes };
      const question = { pattern, model, body, ...bounds };
      const answer = await call.services.unlessFailing(`moderation by ${model}`, () =>
        call.services.ask(question),
      );
      if (answer.status !== 200) throw new Error(`the model answered ${answer.status}`);
      return this.#verdict(answer.body, texts.length);
    } finally {
      release();
    }
  }

  #verdict(body: Buffer, count: number): RemoteVerdict {
    let results: unknown;
    try {
      results = JSON.parse(body.toString()).results;
    } catch {
      throw new Error('the model answered with no JSON');
    }
    if (!Array.isArray(results) || results.length !== count) {
      throw new Error('the model answered without a result for each text');
    }
    const found = new Set(results.flatMap((result) => this.#flagged(result)));
    if (found.size === 0) return { verdict: 'pass' };
    return { verdict: 'refuse', found: [...found], reason: `${[...found].sort().join(', ')}.` };
  }

  /** The categories of a result that count. */
  #flagged(result: unknown): string[] {
    const { threshold, categories: counted } = this.#guardrail.config;
    if (!isObject(result)) throw new Error('the model answered with a result of another form');
    const { flagged, categories, category_scores: scores } = result;
    const counts = (name: string) => counted === undefined || counted.includes(name);
    if (threshold !== undefined) {
      if (!isObject(scores)) throw new Error('the model answered without scores');
      return Object.entries(scores)
        .filter(([name, score]) => counts(name) && Number(score) >= threshold)
        .map(([name]) => name);
    }
    const names = Object.entries(isObject(categories) ? categories : {})
      .filter(([name, isFlagged]) => isFlagged === true && counts(name))
      .map(([name]) => name);
    return names.length === 0 && flagged === true && counted === undefined ? ['flagged'] : names;
  }
}
