import type { Phase } from '../../config/rows/guardrail.js';
import type { ModelRequest } from '../../dialects/head.js';
import type { AnswerHead, AnswerHold, Call, PolicyRun } from '../policy.js';
import { actionOf, type CompiledGuardrail } from './compiled-guardrail.js';
import type { Inspector, Replacement } from './inspector.js';
import { localStream, localWhole } from './local-hold.js';
import { Placeholders } from './placeholders.js';
import { blocked, failed, unchecked } from './refusals.js';
import type { CheckedTexts, RemoteVerdict } from './remote.js';
import { remoteHold } from './remote-hold.js';
import { Report } from './report.js';
import { restoring } from './restore.js';
import { type Rule, RuleInspector } from './rule-inspector.js';
import { type Room, type WatchedAnswer, WatchedStream, WatchedWhole } from './watched-answer.js';
import { isBinary, replacedIn, requestOf, textsOf } from './whole.js';

/** An answer that monitoring guardrails check once its client has it. */
interface Watched {
  guardrails: readonly CompiledGuardrail[];
  answer: WatchedAnswer;
}

const tooMany = 'too many texts await their check';

function isEnforced({ row }: CompiledGuardrail): boolean {
  return row.mode === 'enforce';
}

/** Runs the guardrails of one request: findings, refusals, replacements and their restoration. */
export class GuardRun implements PolicyRun {
  readonly #call: Call;
  readonly #all: readonly CompiledGuardrail[];
  readonly #placeholders = new Placeholders();
  readonly #reports = new Map<string, Report>();
  /** Checks of the request that only monitor. */
  readonly #checking: Promise<void>[] = [];
  readonly #watched: Watched[] = [];

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
    const enforcing = own.filter(isEnforced);
    if (!stream && enforcing.length > 0) holds.push(this.#textOnly(enforcing));
    const { enforced, watched } = this.#inspectors(own, 'answer');
    if (stream && (enforced || watched)) holds.push(localStream(name, enforced, watched));
    if (!stream && watched) {
      const local = own.filter((each) => !each.remote && !isEnforced(each));
      holds.push(this.#watch(local, (texts) => void watched.whole(texts)));
    }
    if (!stream && enforced) holds.push(localWhole(enforced));
    for (const guardrail of own) {
      const { remote, row } = guardrail;
      if (!remote) continue;
      const check = (texts: CheckedTexts) => this.#ask(guardrail, 'answer', texts);
      const hold = () => remoteHold(name, stream, row.config.window_chars, check);
      if (isEnforced(guardrail)) holds.push(hold());
      else if (stream) {
        holds.push(this.#watching([guardrail], (room) => new WatchedStream(hold(), room)));
      } else {
        const whole = async (texts: CheckedTexts['texts']) => {
          await check({ phase: 'answer', texts });
        };
        holds.push(this.#watch([guardrail], whole));
      }
    }
    const { restored } = this.#placeholders;
    // Last, so that services outside get only what the provider gets.
    if (restored) {
      const inspector = restoring(restored);
      holds.push(stream ? localStream(name, inspector, null) : localWhole(inspector));
    }
    return holds;
  }

  after(): Promise<void> | null {
    const checking = [
      ...this.#checking,
      ...this.#watched.flatMap((watched) => this.#finished(watched) ?? []),
    ];
    if (checking.length === 0) {
      this.#note(() => true);
      return null;
    }
    this.#note(({ isMonitoring }) => !isMonitoring);
    return Promise.all(checking).then(() => this.#note(({ isMonitoring }) => isMonitoring));
  }

  #note(which: (report: Report) => boolean): void {
    for (const report of this.#reports.values()) {
      if (which(report)) this.#call.note(report.outcome);
    }
  }

  /** Collects a whole answer for monitoring guardrails. */
  #watch(
    guardrails: readonly CompiledGuardrail[],
    check: (texts: CheckedTexts['texts']) => void | Promise<void>,
  ): AnswerHold {
    const unread = () => this.#unread(guardrails, 'answer', 'an answer that is no text');
    return this.#watching(guardrails, (room) => new WatchedWhole(check, unread, room));
  }

  #watching(
    guardrails: readonly CompiledGuardrail[],
    watch: (room: Room) => WatchedAnswer,
  ): AnswerHold {
    const answer = watch((bytes) => this.#room(guardrails, 'answer', bytes));
    this.#watched.push({ guardrails, answer });
    return answer;
  }

  /** Never throws: it runs after all that handles errors. */
  #finished({ guardrails, answer }: Watched): void | Promise<void> {
    try {
      return answer.finish();
    } catch (error) {
      for (const each of guardrails) this.#report(each, 'answer').tell('error', String(error));
    }
  }

  /** Checks a request that does not wait. */
  #checkLater(guardrail: CompiledGuardrail, texts: CheckedTexts['texts'], bytes: number): void {
    const release = this.#room([guardrail], 'request', bytes);
    if (!release) return;
    const asked = this.#ask(guardrail, 'request', { phase: 'request', texts });
    this.#checking.push(asked.then(release));
  }

  /** Memory for a check that nobody waits for. Null, and reported, where there is none left. */
  #room(guardrails: readonly CompiledGuardrail[], phase: Phase, bytes: number) {
    const release = this.#call.services.room(bytes);
    if (release) return release;
    for (const each of guardrails) this.#report(each, phase).tell('error', tooMany);
    return null;
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
      const isRefused = isEnforced(guardrail) && row.on_error === 'closed';
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
    const enforced = isEnforced(guardrail);
    report.tell(enforced ? 'refused' : 'would_refuse', wrong.name);
    if (enforced) throw blocked(row, 'request', wrong.reason);
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
    const enforced = isEnforced(guardrail);
    const restores = phase === 'request' && row.config.restore === true;
    const act: Rule['act'] =
      actionOf(row) === 'deny'
        ? ({ name }) => {
            report.tell(enforced ? 'refused' : 'would_refuse', name);
            if (enforced) throw blocked(row, phase, null);
            return null;
          }
        : ({ name }, text) => {
            report.tell(enforced ? 'edited' : 'would_edit', name);
            return enforced ? this.#placeholders.of(name, text, restores) : null;
          };
    return detectors.map((detector) => ({ detector, act }));
  }

  /** In sequence: each sees the previous one's result. */
  async #checkRemotely(guardrails: readonly CompiledGuardrail[], body: Buffer): Promise<Buffer> {
    let bytes = body;
    for (const guardrail of guardrails) {
      const texts = textsOf(bytes);
      if (texts.length === 0) continue;
      if (!isEnforced(guardrail)) {
        this.#checkLater(guardrail, texts, bytes.length);
        continue;
      }
      const replacements = await this.#ask(guardrail, 'request', { phase: 'request', texts });
      if (replacements) bytes = replacedIn(bytes, texts, replacements);
    }
    return bytes;
  }

  /**
   * @returns null where nothing is to be replaced.
   * @throws GatewayError only where it is enforced.
   */
  async #ask(
    guardrail: CompiledGuardrail,
    phase: Phase,
    texts: CheckedTexts,
  ): Promise<Replacement[][] | null> {
    const { row, remote } = guardrail;
    const report = this.#report(guardrail, phase);
    const enforced = isEnforced(guardrail);
    const startMs = performance.now();
    let verdict: RemoteVerdict | undefined;
    try {
      verdict = await remote?.check(this.#call, texts);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      report.tell('error', reason);
      if (enforced && row.on_error === 'closed') throw failed(row, error);
    } finally {
      report.tookMs += performance.now() - startMs;
    }
    if (!verdict || verdict.verdict === 'pass') return null;
    if (verdict.verdict === 'edit') {
      report.tell(enforced ? 'edited' : 'would_edit');
      return enforced ? verdict.replacements : null;
    }
    report.tell(enforced ? 'refused' : 'would_refuse', ...verdict.found);
    if (enforced) throw blocked(row, phase, verdict.reason);
    return null;
  }

  /** Refuses an answer without text to check. */
  #textOnly(guardrails: readonly CompiledGuardrail[]): AnswerHold {
    return {
      takesPieces: false,
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
