import type { Dialect } from '../dialects/dialect.js';
import type { ModelRequest } from '../dialects/head.js';
import type { TokenUsage } from '../dialects/usage.js';
import type { GatewayError } from '../errors.js';
import { anyClaim, type Claim } from '../limits/fair-queue.js';
import type {
  AttemptLog,
  AttemptsEnd,
  Bodies,
  GuardrailOutcome,
  RequestFinished,
  RequestTrace,
  UncountedText,
} from '../observe/request-event.js';
import type { CacheUse } from '../policies/cache/cache-use.js';
import type { KeptAnswer } from '../policies/cache/kept-answer.js';
import type { Candidate, RoutedCredential, Snapshot } from '../routing/snapshot.js';
import type { Exchange } from '../server/exchange.js';
import { requestIdOf } from '../server/request-id.js';
import type { Leaver } from './admission/admit.js';
import type { Reservation } from './admission/quota.js';
import { keptBody, noBody } from './answer/body-keeper.js';
import type { PolicyRuns } from './policies/policy-runs.js';
import { endUserOf, tagsOf } from './request/attribution.js';
import { sessionNameOf } from './request/session.js';

/** Rough size of a token in a prompt: good enough for turns in a queue. */
const bytesPerToken = 4;

/** The working state of a request, which becomes one event at its end. */
export class RequestRecord {
  readonly requestId: string;
  readonly method: string;
  /** Wall clock, and the monotonic one: milliseconds. */
  readonly startedAt = Date.now();
  readonly startMs = performance.now();
  /** Time of the last sign of life to the client, monotonic milliseconds; at first the start. */
  toldMs = this.startMs;
  endpoint = 'unknown';
  credential: RoutedCredential | null = null;
  configVersion = 0;
  bodyBytes = 0;
  model: string | null = null;
  user: string | null = null;
  tags: readonly string[] = [];
  stream = false;
  /** The candidate of the last attempt, or of the relayed answer. */
  candidate: Candidate | null = null;
  attempts = 0;
  attemptsLog: AttemptLog[] | null = null;
  attemptsEnd: AttemptsEnd | null = null;
  /** Status of the relayed answer. */
  translation: RequestFinished['translation'] = null;
  status = 0;
  /** Code of our own error. */
  error: string | null = null;
  upstreamMs = 0;
  firstTokenMs: number | null = null;
  /** Time of its end, monotonic milliseconds; null: it ends with its record. */
  endMs: number | null = null;
  /** True if the whole answer was passed on. */
  complete = false;
  /** The operator's reason for stopping it while it ran. */
  stopped: GatewayError | null = null;
  need: RequestFinished['need'] = null;
  /** Null where requests are not traced. */
  trace: RequestTrace | null = null;
  spend: RequestFinished['spend'] = null;
  usage: TokenUsage | null = null;
  uncounted: UncountedText | null = null;
  /** Stored only if the key allows it; otherwise kept for mirrors to compare. */
  bodies: Bodies | null = null;
  /** Null where it has none. */
  policies: PolicyRuns | null = null;
  /** Outcomes of its guardrails; null: it has none. */
  guardrails: GuardrailOutcome[] | null = null;
  /** The name in the client's request. */
  session: string | null = null;
  /** Its session's place; null: it prefers no provider. */
  sessionPlace: number | null = null;
  /** The provider that its session prefers, whose prompt cache may be warm. */
  prefers: string | null = null;
  /** Its cache result; null if no answers are cached for its key. */
  cache: CacheUse | null = null;
  /** Copies it to the mirrors that sampled it; null: none. */
  mirrored: (() => void) | null = null;
  /** Set if it is a copy. */
  mirror: RequestFinished['mirror'] = null;
  /** Its share of the limits of its key and team; null if they have none. */
  reservation: Reservation | null = null;

  /** The client may leave while its request waits. */
  readonly client: Leaver;

  constructor(
    exchange: Pick<Exchange, 'header' | 'method'> & Leaver,
    requestId = requestIdOf(exchange.header('x-request-id')),
  ) {
    this.client = exchange;
    this.requestId = requestId;
    this.method = exchange.method;
  }

  authenticated(credential: RoutedCredential, { version }: Snapshot): void {
    this.credential = credential;
    this.configVersion = version;
  }

  asked(exchange: Exchange, request: ModelRequest, dialect: Dialect): void {
    const { model, stream, body } = request;
    this.bodyBytes = body.length;
    this.model = model;
    this.stream = stream;
    this.user = endUserOf(exchange, request, dialect);
    this.session = sessionNameOf(exchange, request);
    if (this.credential) this.tags = tagsOf(exchange, this.credential);
    if (this.credential?.storeBodies) this.keepBodies(body);
  }

  keepBodies(request: Buffer): void {
    this.bodies ??= { request: keptBody(request), response: noBody };
  }

  checked(outcome: GuardrailOutcome): void {
    this.guardrails ??= [];
    this.guardrails.push(outcome);
    // An unchecked request counts as an error, even if it passed.
    if (outcome.verdict === 'error') this.error ??= 'guardrail_skipped';
  }

  attempted(candidate: Candidate): void {
    this.candidate = candidate;
    this.attempts++;
  }

  /** It waited for a slot or for a provider's limits. @param provider null: the gateway's own slot. */
  waited(provider: string | null, fromMs: number): void {
    if (!this.trace) return;
    this.trace.waits ??= [];
    const atMs = fromMs - this.startMs;
    this.trace.waits.push({ provider, atMs, tookMs: performance.now() - fromMs });
  }

  /** True if a client that waits for a stream already has its head. */
  get isWaitTold(): boolean {
    return this.toldMs > this.startMs;
  }

  /** Answered by the gateway itself. */
  answered(status: number): void {
    this.status = status;
    this.complete = true;
  }

  /** Answered with a cached answer. */
  kept({ stream }: KeptAnswer): void {
    this.status = 200;
    this.stream = stream;
    this.firstTokenMs = performance.now() - this.startMs;
  }

  /** Refused by the gateway itself. */
  failed({ status, code }: GatewayError, body: string): void {
    this.status = status;
    this.error = code;
    if (this.bodies) this.bodies.response = keptBody(Buffer.from(body));
  }

  /** The client left; the status tells so if no answer was sent. */
  left(): void {
    this.status ||= 499;
  }

  /** Providers charge for a request even if nobody waited for its answer. */
  leftUnanswered({ body }: ModelRequest, { countsTokens, operation }: Dialect): void {
    if (this.attempts === 0 || this.usage || this.uncounted || !countsTokens) return;
    this.uncounted = { operation, request: body, answer: [], truncated: false };
  }

  /** Its place in the fair queue. */
  get claim(): Claim {
    return { ...(this.credential?.share ?? anyClaim), cost: 1 + this.tokens };
  }

  /** Estimated tokens of the prompt. */
  get tokens(): number {
    return Math.ceil(this.bodyBytes / bytesPerToken);
  }

  get provider(): string | null {
    return this.candidate?.provider.key ?? null;
  }

  /** The event of this request, whose exchange is over. */
  finished(): RequestFinished {
    const { credential, candidate, cache } = this;
    const kept = cache?.kept ?? null;
    return {
      type: 'request_finished',
      requestId: this.requestId,
      startedAt: this.startedAt,
      method: this.method,
      endpoint: this.endpoint,
      credential: credential && { id: credential.id, name: credential.name },
      team: credential?.team ?? null,
      user: this.user,
      session: this.session,
      tags: this.tags,
      model: this.model,
      modelSent: candidate?.model ?? kept?.modelSent ?? null,
      provider: candidate?.provider.key ?? kept?.provider ?? null,
      attempts: this.attempts,
      attemptsLog: this.attemptsLog,
      attemptsEnd: this.attemptsEnd,
      translation: this.translation,
      configVersion: this.configVersion,
      rateLimit: credential?.rateLimit ?? null,
      status: this.status,
      error: this.error,
      stream: this.stream,
      totalMs: (this.endMs ?? performance.now()) - this.startMs,
      upstreamMs: this.upstreamMs,
      firstTokenMs: this.firstTokenMs,
      complete: this.complete,
      need: this.need,
      trace: this.trace,
      prefers: this.prefers,
      cache: cache && {
        result: cache.result,
        ageMs: kept && Math.max(0, this.startedAt - kept.keptAt),
        saved: kept?.cost ?? null,
        savedTokens: kept?.tokens ?? null,
      },
      spend: this.spend,
      usage: this.usage,
      uncounted: this.uncounted,
      bodies: credential?.storeBodies ? this.bodies : null,
      guardrails: this.guardrails,
      mirror: this.mirror,
    };
  }
}
