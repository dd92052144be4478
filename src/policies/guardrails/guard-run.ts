import type { Phase } from '../../config/rows/guardrail.js';
import type { ModelRequest } from '../../dialects/head.js';
import { GatewayError } from '../../errors.js';
import type { AnswerHead, AnswerHold, Call, PolicyRun } from '../policy.js';
import { actionOf, type CompiledGuardrail } from './compiled-guardrail.js';
import { type Inspector, type Replacement, type Rule, RuleInspector } from './inspector.js';
import { localHold } from './local-hold.js';
import { Placeholders } from './placeholders.js';
import { blocked, failed, unchecked } from './refusals.js';
import type { CheckedTexts } from './remote.js';
import { remoteHold } from './remote-hold.js';
import { Report } from './report.js';
import { RestoreDetector } from './restore.js';
import { isBinary, replacedIn, requestOf, textsOf } from './whole.js';

/** Runs the guardrails of one request: findings, refusals, replacements and their restoration. */
export class GuardRun implements PolicyRun {
  readonly #call: Call;
  readonly #all: readonly CompiledGuardrail[];
  readonly #placeholders = new Placeholders();
  readonly #reports = new Map<string, Report>();

  constructor(call: Call, all: readonly CompiledGuardrail[]) {
    this.#call = call;
    this.#all = all;
  }

  before(request: ModelRequest): ModelRequest | Promise<ModelRequest> {
    const { body } = this.#call;
    const own = this.#of('request');
    if (body === 'socket') this.#unread(this.#all, 'request', 'a session');
    else if (body === 'form') this.#unread(own, 'request', 'a form with files');
    if (body !== 'whole' || own.length === 0 || request.body.length === 0) return request;
    const texts = textsOf(request.body);
    for (const guardrail of own) this.#checkShape(guardrail, request, texts);
    const { enforced, watched } = this.#inspectors(own, 'request');
    watched?.whole(texts);
    const bytes = enforced ? replacedIn(request.body, texts, enforced.whole(texts)) : request.body;
    const remotes = own.filter(({ remote }) => remote);
    if (remotes.length === 0) return this.#withBody(request, bytes);
    return this.#checkRemotely(remotes, bytes).then((left) => this.#withBody(request, left));
  }

  hold({ status, stream, contentType }: AnswerHead): readonly AnswerHold[] {
    const isText = stream || !/^(?:audio|image|video)\//.test(contentType);
    if (status >= 400 || status < 200 || !isText) return [];
    const { name } = this.#call.dialect;
    const own = this.#of('answer').filter(({ shape }) => !shape);
    const holds: AnswerHold[] = [];
    if (!stream && own.length > 0) holds.push(this.#textOnly(own));
    const { enforced, watched } = this.#inspectors(own, 'answer');
    if (enforced || watched) holds.push(localHold(name, stream, enforced, watched));
    for (const guardrail of own) {
      const { remote, row } = guardrail;
      if (!remote) continue;
      const check = (texts: CheckedTexts) => this.#ask(guardrail, 'answer', texts);
      const isHeld = row.mode === 'enforce';
      holds.push(remoteHold(name, stream, row.config.window_chars, isHeld, check));
    }
    const { restored } = this.#placeholders;
    // Last, so that services outside get only what the provider gets.
    if (restored) holds.push(localHold(name, stream, restoring(restored), null));
    return holds;
  }

  after(): void {
    for (const report of this.#reports.values()) this.#call.note(report.outcome);
  }

  #of(phase: Phase): readonly CompiledGuardrail[] {
    return this.#all.filter(({ row }) => row.phases.includes(phase));
  }

  #report({ row }: CompiledGuardrail, phase: Phase): Report {
    const key = `${phase} ${row.name}`;
    const known = this.#reports.get(key) ?? new Report(row, phase);
    this.#reports.set(key, known);
    return known;
  }

  /** @throws GatewayError `guardrail_unchecked` where one of them is enforced and fails closed. */
  #unread(guardrails: readonly CompiledGuardrail[], phase: Phase, what: string): void {
    for (const guardrail of guardrails) {
      const { row } = guardrail;
      const isRefused = row.mode === 'enforce' && row.on_error === 'closed';
      this.#report(guardrail, phase).tell(isRefused ? 'refused' : 'error', 'unchecked');
      if (isRefused) throw unchecked(row, what);
    }
  }

  #checkShape(
    guardrail: CompiledGuardrail,
    request: ModelRequest,
    texts: Parameters<Inspector['whole']>[0],
  ): void {
    const { row, shape } = guardrail;
    if (!shape) return;
    const report = this.#report(guardrail, 'request');
    const wrong = shape.shortcoming(this.#call.dialect, request, texts);
    if (!wrong) return;
    const isEnforced = row.mode === 'enforce';
    report.tell(isEnforced ? 'refused' : 'would_refuse', wrong.name);
    if (isEnforced) throw blocked(row, 'request', wrong.reason);
  }

  /** Inspectors of enforcing guardrails, and of monitoring ones; null: none. */
  #inspectors(guardrails: readonly CompiledGuardrail[], phase: Phase) {
    const of = (mode: 'enforce' | 'monitor') => {
      const rules = guardrails
        .filter(({ row }) => row.mode === mode)
        .flatMap((guardrail) => this.#rules(guardrail, phase));
      return rules.length === 0 ? null : new RuleInspector(rules);
    };
    return { enforced: of('enforce'), watched: of('monitor') };
  }

  #rules(guardrail: CompiledGuardrail, phase: Phase): Rule[] {
    const { row, detectors } = guardrail;
    if (detectors.length === 0) return [];
    const report = this.#report(guardrail, phase);
    const isEnforced = row.mode === 'enforce';
    const restores = phase === 'request' && row.config.restore === true;
    const act: Rule['act'] =
      actionOf(row) === 'deny'
        ? ({ name }) => {
            report.tell(isEnforced ? 'refused' : 'would_refuse', name);
            if (isEnforced) throw blocked(row, phase, null);
            return null;
          }
        : ({ name }, text) => {
            report.tell(isEnforced ? 'edited' : 'would_edit', name);
            return isEnforced ? this.#placeholders.of(name, text, restores) : null;
          };
    return detectors.map((detector) => ({ detector, act }));
  }

  /** In sequence: each sees the previous one's result. */
  async #checkRemotely(guardrails: readonly CompiledGuardrail[], body: Buffer): Promise<Buffer> {
    let bytes = body;
    for (const guardrail of guardrails) {
      const texts = textsOf(bytes);
      if (texts.length === 0) continue;
      const replacements = await this.#ask(guardrail, 'request', { phase: 'request', texts });
      if (replacements) bytes = replacedIn(bytes, texts, replacements);
    }
    return bytes;
  }

  /** @returns null where nothing is to be replaced. */
  async #ask(
    guardrail: CompiledGuardrail,
    phase: Phase,
    texts: CheckedTexts,
  ): Promise<Replacement[][] | null> {
    const { row, remote } = guardrail;
    const report = this.#report(guardrail, phase);
    const isEnforced = row.mode === 'enforce';
    const startMs = performance.now();
    try {
      const verdict = await remote?.check(this.#call, texts);
      if (!verdict || verdict.verdict === 'pass') return null;
      if (verdict.verdict === 'edit') {
        report.tell(isEnforced ? 'edited' : 'would_edit');
        return isEnforced ? verdict.replacements : null;
      }
      report.tell(isEnforced ? 'refused' : 'would_refuse', ...verdict.found);
      if (isEnforced) throw blocked(row, phase, verdict.reason);
      return null;
    } catch (error) {
      if (error instanceof GatewayError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      report.tell('error', reason);
      if (isEnforced && row.on_error === 'closed') throw failed(row, error);
      return null;
    } finally {
      report.tookMs += performance.now() - startMs;
    }
  }

  /** Refuses an answer without text to check. */
  #textOnly(guardrails: readonly CompiledGuardrail[]): AnswerHold {
    return {
      push: (body) => {
        if (isBinary(body)) this.#unread(guardrails, 'answer', 'an answer that is no text');
        return body;
      },
      flush: () => Buffer.alloc(0),
    };
  }

  /** The request with a new body, parsed again. */
  #withBody(request: ModelRequest, body: Buffer): ModelRequest {
    if (body === request.body) return request;
    return requestOf(this.#call.dialect, body, this.#call.place);
  }
}

function restoring(restored: ReadonlyMap<string, string>): RuleInspector {
  const act: Rule['act'] = ({ name }, text, isJson) => {
    const original = restored.get(name) ?? text;
    return isJson ? JSON.stringify(original).slice(1, -1) : original;
  };
  return new RuleInspector([{ detector: new RestoreDetector(restored), act }]);
}
