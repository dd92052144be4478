import type { TokenUsage } from '../../dialects/usage.js';
import { varintLength } from './message-fields.js';
import { firstChunkSeconds, type TracedRequest } from './span-attributes.js';

/** The tokens written to a cache. */
export function cacheWrites({ classes }: TokenUsage): number {
  return classes ? classes.cacheWrite5m + classes.cacheWrite1h : 0;
}

/**
 * A number for the attributes that the spans of a request have, and for their lengths, as far as its
 * texts do not decide about them. Null for a request with more content, such as several attempts.
 */
export function shapeOf({ event, usage, charge, text }: TracedRequest): number | null {
  const { trace } = event;
  const isPlain =
    event.attemptsLog === null &&
    event.guardrails === null &&
    trace.waits === null &&
    trace.state === null &&
    text === null &&
    // The id of a request always is.
    isAscii(event.credential?.name ?? '') &&
    isAscii(event.team ?? '') &&
    isAscii(event.user ?? '');
  if (!isPlain) return null;
  const firstSeconds = event.stream ? firstChunkSeconds(event, trace.sentMs ?? 0) : null;
  const first = formOf(firstSeconds);
  const cost = formOf(charge ? charge.cost / 1e9 : null);
  if (first === null || cost === null) return null;
  let shape = (4 + first) * 4 + cost;
  shape = shape * 2 + Number(event.stream);
  shape = shape * 2 + Number(event.complete);
  shape = shape * 2 + Number(trace.isSampled);
  shape = shape * 2 + Number(trace.parentSpanId === null);
  if (usage === null) return shape;
  const { promptTokens, completionTokens, classes } = usage;
  shape = (shape * 16 + varintLength(promptTokens)) * 16 + varintLength(completionTokens);
  if (!classes) return shape;
  shape = shape * 16 + widthOf(classes.cacheRead);
  shape = shape * 16 + widthOf(cacheWrites(usage));
  return shape * 16 + widthOf(classes.reasoning);
}

/**
 * A hash of requests of a kind: their spans differ only in ids, times, counts and the names of key,
 * team and user, all of the same length. Few others have it too: see `areAlike`.
 */
export function kindHash({ event }: TracedRequest, shape: number): number {
  const { requestId, credential, team, user, model, provider, endpoint, tags } = event;
  let hash = mixed(shape, event.status);
  hash = mixed(hash, requestId.length);
  hash = mixed(hash, lengthOf(credential?.name));
  hash = mixed(hash, lengthOf(team));
  hash = mixed(hash, lengthOf(user));
  hash = mixedText(hash, endpoint);
  if (model !== null) hash = mixedText(hash, model);
  if (provider !== null) hash = mixedText(hash, provider);
  for (let i = 0; i < tags.length; i++) hash = mixedText(hash, tags[i] as string);
  return hash;
}

/** True if two requests of the same shape are of a kind. */
export function areAlike({ event: a }: TracedRequest, { event: b }: TracedRequest): boolean {
  return (
    a.status === b.status &&
    a.attempts === b.attempts &&
    a.model === b.model &&
    a.modelSent === b.modelSent &&
    a.provider === b.provider &&
    a.endpoint === b.endpoint &&
    a.method === b.method &&
    a.error === b.error &&
    a.cache?.result === b.cache?.result &&
    a.translation?.to === b.translation?.to &&
    a.requestId.length === b.requestId.length &&
    lengthOf(a.credential?.name) === lengthOf(b.credential?.name) &&
    lengthOf(a.team) === lengthOf(b.team) &&
    lengthOf(a.user) === lengthOf(b.user) &&
    areEqual(a.tags, b.tags)
  );
}

/** Zero counts of classes have no attribute. */
function widthOf(count: number): number {
  return count === 0 ? 0 : varintLength(count);
}

/**
 * Absent, zero, or of eight bytes; null for other whole numbers, which the encoder writes
 * differently.
 */
function formOf(value: number | null): number | null {
  if (value === null) return 0;
  if (value === 0) return 1;
  return Number.isInteger(value) ? null : 2;
}

function lengthOf(text: string | null | undefined): number {
  return text?.length ?? -1;
}

function areEqual(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((text, index) => text === others[index]);
}

/** Other characters have several bytes. */
function isAscii(text: string): boolean {
  let all = 0;
  for (let i = 0; i < text.length; i++) all |= text.charCodeAt(i);
  return all < 128;
}

const maxMixed = 64;

function mixedText(hash: number, text: string): number {
  let mix = mixed(hash, text.length);
  const length = Math.min(text.length, maxMixed);
  for (let i = 0; i < length; i++) mix = Math.imul(mix ^ text.charCodeAt(i), 0x01000193);
  return mix;
}

function mixed(hash: number, value: number): number {
  return Math.imul(hash ^ value, 0x01000193);
}
