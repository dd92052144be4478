import { randomUUID } from 'node:crypto';
import type { TokenUsage, UsageClasses } from '../../dialects/usage.js';
import type {
  Charge,
  ComparedAnswer,
  GuardrailOutcome,
  RequestFinished,
} from '../request-event.js';
import { bodyText } from './body-text.js';

/** The source of a token count: the provider's answer, or the gateway's own count. */
export type UsageSource = 'provider' | 'estimated';

/** One row of `request_logs`, in JSON types. */
export interface UsageRow {
  /** Makes a retried insert store the row once. `request_id` cannot: a client may repeat it. */
  uid: string;
  /** Milliseconds since the epoch. */
  started_ms: number;
  request_id: string;
  credential_id: number | null;
  credential_name: string;
  team: string | null;
  end_user: string | null;
  session: string | null;
  tags: readonly string[] | null;
  endpoint: string;
  model: string;
  model_sent: string | null;
  provider: string | null;
  attempts: number;
  status: number;
  error: string | null;
  prompt_tokens: number | null;
  completion_tokens: number | null;
  usage_source: UsageSource | null;
  /** Null where all of it is plain text at the standard rate. */
  usage_classes: UsageClasses | null;
  /** Nano-dollars; null where no price is known. */
  cost_nano: number | null;
  currency: string | null;
  price_revision: string | null;
  stream: boolean;
  complete: boolean;
  duration_ms: number;
  upstream_ms: number;
  first_token_ms: number | null;
  /** Tokens that it asked of its limits, and nano-dollars of its hard budgets; null: of neither. */
  need_input: number | null;
  need_output: number | null;
  need_nano: number | null;
  /** The API that it was translated to, and the fields that were lost; null where it was not. */
  translated_to: string | null;
  losses: string | null;
  /** Outcome of the cache, and savings of a hit: nano-dollars and tokens; null: not known. */
  cache: string | null;
  saved_nano: number | null;
  saved_tokens: number | null;
  /** Guardrails that did more than let it pass; null: none. */
  guardrails: readonly GuardrailOutcome[] | null;
  /** Null unless the key has its bodies stored. */
  request_body: string | null;
  response_body: string | null;
  /** Id of the daemon that served it. */
  daemon: string | null;
  /** The mirror whose copy it is, and the client's answer; null: a request of a client. */
  mirror: string | null;
  compared: (ComparedAnswer & { score: number | null }) | null;
}

/** Columns that many requests share: a replay reads and plans each combination once. */
export const kindColumns = [
  ...(['credential_id', 'credential_name', 'team', 'end_user', 'tags', 'endpoint'] as const),
  ...(['model', 'model_sent', 'provider', 'attempts', 'status', 'error'] as const),
] as const satisfies readonly (keyof UsageRow)[];
export type RequestKind = Readonly<Pick<UsageRow, (typeof kindColumns)[number]>>;

/** Numbers of a single request that a replay reads. */
export const replayedNumbers = [
  ...(['prompt_tokens', 'completion_tokens', 'cost_nano', 'duration_ms', 'upstream_ms'] as const),
  ...(['need_input', 'need_output', 'need_nano'] as const),
] as const satisfies readonly (keyof UsageRow)[];

/** A stored request as a replay reads it. */
export interface ReplayedRow
  extends Pick<UsageRow, 'started_ms' | 'usage_classes' | (typeof replayedNumbers)[number]> {
  /** Often the same object as that of other rows. */
  kind: RequestKind;
}

/** Zero bytes, and surrogates, which may be unpaired. */
const unstorable = /[\0\ud800-\udfff]/;

/** Longer model names are cut: a client may send any text. */
const maxNameCharacters = 200;

/**
 * The row of a finished request; null for one that is not stored because it had no valid key or
 * named no model.
 */
export function usageRow(
  event: RequestFinished,
  usage: TokenUsage | null,
  source: UsageSource | null,
  charge: Charge | null = null,
  daemon: string | null = null,
): UsageRow | null {
  if (event.credential === null || event.model === null) return null;
  return {
    uid: nextUid(),
    started_ms: event.startedAt,
    request_id: event.requestId,
    credential_id: event.credential.id,
    credential_name: storable(event.credential.name),
    team: event.team,
    end_user: event.user === null ? null : storable(event.user),
    session: event.session === null ? null : storable(event.session),
    tags: event.tags.length === 0 ? null : event.tags.map(storable),
    endpoint: event.endpoint,
    model: storable(event.model),
    model_sent: event.modelSent === null ? null : storable(event.modelSent),
    provider: event.provider,
    attempts: event.attempts,
    status: event.status,
    error: event.error,
    prompt_tokens: usage?.promptTokens ?? null,
    completion_tokens: usage?.completionTokens ?? null,
    usage_source: source,
    usage_classes: usage?.classes ?? null,
    cost_nano: charge?.cost ?? null,
    currency: charge?.currency ?? null,
    price_revision: charge?.priceRevision ?? null,
    stream: event.stream,
    complete: event.complete,
    duration_ms: rounded(event.totalMs),
    upstream_ms: rounded(event.upstreamMs),
    first_token_ms: event.firstTokenMs === null ? null : rounded(event.firstTokenMs),
    need_input: event.need?.input ?? null,
    need_output: event.need?.output ?? null,
    need_nano: event.need?.nano ?? null,
    translated_to: event.translation?.to ?? null,
    losses: event.translation?.lost ?? null,
    guardrails: firedIn(event),
    cache: event.cache?.result ?? null,
    saved_nano: event.cache?.saved ?? null,
    saved_tokens: event.cache?.savedTokens ?? null,
    request_body: event.bodies && bodyText(event.bodies.request),
    response_body: event.bodies && bodyText(event.bodies.response),
    daemon,
    mirror: event.mirror?.mirror ?? null,
    compared: event.mirror && { ...event.mirror.client, score: event.mirror.score },
  };
}

/** The guardrails that did more than let a request pass, which is no news; null: none. */
export function firedIn({ guardrails }: RequestFinished): readonly GuardrailOutcome[] | null {
  const fired = guardrails?.filter(({ verdict }) => verdict !== 'passed') ?? [];
  return fired.length === 0 ? null : fired;
}

const uidPrefix = randomUUID().slice(0, -12);
let uids = 0;

/** A UUID of a random prefix per process and a counter: a random one would double a row's cost. */
function nextUid(): string {
  return uidPrefix + (uids++).toString(16).padStart(12, '0');
}

/** Postgres stores neither a zero byte nor half of a surrogate pair. */
function storable(name: string): string {
  if (name.length <= maxNameCharacters && !unstorable.test(name)) return name;
  return Buffer.from(name.slice(0, maxNameCharacters).replaceAll('\0', '\ufffd')).toString();
}

/** Rounds to microseconds. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
