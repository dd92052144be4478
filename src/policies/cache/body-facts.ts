import { hash } from 'node:crypto';
import type { Dialect } from '../../dialects/dialect.js';
import type { ModelRequest } from '../../dialects/head.js';
import { canonicalMembers, canonicalText } from './canonical.js';

/** Facts about a request's body that the cache needs. */
export interface BodyFacts {
  /** Equal for bodies that request the same answer. */
  readonly digest: string;
  /** True if repeated requests can expect the same answer. */
  readonly isDeterministic: boolean;
  /**
   * True if the request has side effects: it creates something at the provider, or continues it.
   */
  readonly isStateful: boolean;
  /** True if it, or its answer, names an object that lives at a provider, such as a file. */
  readonly isOfObject: boolean;
}

/** Canonicalizing a larger body would delay other requests. */
export const maxBodyBytes = 1_048_576;
/** Maximum remembered bodies; beyond that all are forgotten. With their requests, up to 20 MB. */
const maxKnown = 5_000;
/**
 * Bodies up to this size are found by their text, at a tenth of the time of a hash, and their
 * requests are remembered too.
 */
const maxTextBytes = 1_024;

/** Operations with deterministic answers. */
const deterministic = new Set(['embedding', 'token_count', 'moderation', 'rerank']);

/** The model is part of the key under its canonical name; streams have a key of their own. */
const ofKey = ['model', 'stream'];
/** Members that do not affect answers. */
const forBooks = [...ofKey, 'user', 'metadata', 'tags', 'labels', 'safety_identifier'];
const ofChat = [...forBooks, 'prompt_cache_key', 'prompt_cache_retention'];
const withoutBooks = new Set(ofChat);
/** Answers of these operations repeat the request's user. */
const echoes = new Set(['openai.responses', 'openai.compact']);
const withoutKey = new Set(ofKey);

/** A body, and what was read in it. */
interface KnownBody {
  readonly dialect: Dialect;
  /** Null: not read, or it is too large to be remembered. */
  request: ModelRequest | null;
  /** Undefined: not read. */
  facts: BodyFacts | null | undefined;
}

/** Reads bodies, and remembers the result for each. */
export class BodyReader {
  readonly #known = new Map<string, KnownBody>();
  /** The one whose request was found last: its facts are looked for next. */
  #latest: KnownBody | null = null;

  /**
   * The request that a body makes: for equal bodies the same object.
   * @param read makes it, of the body alone; called where it is not remembered.
   */
  request(body: Buffer, dialect: Dialect, read: (body: Buffer) => ModelRequest): ModelRequest {
    if (body.length > maxTextBytes) return read(body);
    const known = this.#of(body, dialect);
    this.#latest = known;
    known.request ??= read(alone(body));
    return known.request;
  }

  /** Null: its answer cannot be kept. */
  facts(request: Pick<ModelRequest, 'body'>, dialect: Dialect): BodyFacts | null {
    const { body } = request;
    if (body.length > maxBodyBytes) return null;
    const known = this.#latest?.request === request ? this.#latest : this.#of(body, dialect);
    if (known.facts === undefined) known.facts = factsOf(body, dialect);
    return known.facts;
  }

  #of(body: Buffer, dialect: Dialect): KnownBody {
    // No text of JSON is a hash: it has braces.
    const asWritten =
      body.length <= maxTextBytes ? body.toString('latin1') : hash('sha256', body, 'base64');
    const known = this.#known.get(asWritten);
    if (known?.dialect === dialect) return known;
    if (this.#known.size >= maxKnown) this.#known.clear();
    const unread: KnownBody = { dialect, request: null, facts: undefined };
    this.#known.set(asWritten, unread);
    return unread;
  }
}

/** A copy, since the bytes may be a small part of a piece of memory. */
function alone(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}

function factsOf(body: Buffer, dialect: Dialect): BodyFacts | null {
  let members: Map<string, string> | null;
  try {
    members = canonicalMembers(body.toString('latin1'));
  } catch {
    return null;
  }
  if (!members) return null;
  const text = canonicalText(members, echoes.has(dialect.name) ? withoutKey : withoutBooks);
  return {
    digest: hash('sha256', Buffer.from(text, 'latin1'), 'base64'),
    isDeterministic: deterministic.has(dialect.operation) || isGreedy(members),
    isStateful: isStateful(members, dialect),
    isOfObject: isOfObject(body, dialect),
  };
}

/** True for a deterministic request: a temperature of 0, or a seed. */
function isGreedy(members: ReadonlyMap<string, string>): boolean {
  const own = members.get('generationConfig') ?? members.get('generation_config');
  const asked = (own?.startsWith('{') && canonicalMembers(own)) || members;
  return (
    Number(asked.get('temperature') ?? Number.NaN) === 0 || /^-?\d/.test(asked.get('seed') ?? '')
  );
}

function isStateful(
  members: ReadonlyMap<string, string>,
  { operation, resources }: Dialect,
): boolean {
  // A key for a session is for one client.
  if (operation === 'realtime') return true;
  if (members.get('store') === 'true' || members.get('background') === 'true') return true;
  return (resources?.members ?? []).some((name) => (members.get(name) ?? 'null') !== 'null');
}

/** Objects belong to who made them, so their answers do too. */
function isOfObject(body: Buffer, { resources }: Dialect): boolean {
  if (!resources) return false;
  const { members, made, within } = resources;
  return members.length > 0 || made !== null || (within?.(body).length ?? 0) > 0;
}
