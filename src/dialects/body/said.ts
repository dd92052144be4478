import { isObject } from '../conversation/read.js';
import { parsedJson } from '../errors/answer-error.js';
import type { ModelRequest } from '../head.js';

/**
 * Members of a request's body that the gateway reads for its own records, each by a path of one or
 * two names, such as `metadata.user_id`. The first one present counts.
 */
export interface SaidMembers {
  /** The end user who makes the request. */
  readonly user: readonly string[];
  /** The maximum tokens of one answer. */
  readonly maxOutput: readonly string[];
  /** The number of answers requested. */
  readonly answers: readonly string[];
  /** The number of pictures requested; one by default. */
  readonly images: readonly string[];
  /** The text to be spoken. */
  readonly spoken: readonly string[];
  /** The most calls of the provider's own tools. */
  readonly toolCalls: readonly string[];
  /** The first names of the paths, and `sessionIds`. */
  readonly tops: ReadonlySet<string>;
}

/** Members that name a session. */
export const sessionIds = ['prompt_cache_key', 'cachedContent'] as const;

/** Maximum size of a value that is parsed here: a larger one would delay other requests. */
const maxValueBytes = 65_536;
const maxUserLength = 200;
/** Names of users with more than the user in them are shorter. */
const maxOddLength = 1_000;

export function said(paths: Partial<Omit<SaidMembers, 'tops'>>): SaidMembers {
  const { user = [], maxOutput = [], answers = [], images = [], spoken = [] } = paths;
  const { toolCalls = [] } = paths;
  const all = [...user, ...maxOutput, ...answers, ...images, ...spoken, ...toolCalls];
  const tops = new Set([...sessionIds, ...all.map((path) => path.split('.')[0] as string)]);
  return { user, maxOutput, answers, images, spoken, toolCalls, tops };
}

/** A user's name, cut to 200 characters; null if there is none. */
export function userName(value: unknown): string | null {
  return typeof value === 'string' ? lasting(value.trim()).slice(0, maxUserLength) || null : null;
}

/** Claude Code names the session beside the user, as JSON or after `_session_`: it is left out. */
function lasting(name: string): string {
  if (name.length > maxOddLength) return name;
  if (!name.startsWith('{')) return name.replace(/^(user_.*)_session_[\w-]+$/, '$1');
  const named = parsedJson(name);
  if (!isObject(named)) return name;
  const { account_uuid: account, device_id: device } = named;
  const [found] = [account, device].filter((each) => typeof each === 'string' && each !== '');
  return typeof found === 'string' ? found : name;
}

/** The end user that a body names. */
export function userIn(request: ModelRequest, { user }: SaidMembers): string | null {
  for (const path of user) {
    const name = userName(valueAt(request, path));
    if (name !== null) return name;
  }
  return null;
}

/** The text at a path in a body; null if there is none. */
export function textIn(request: ModelRequest, path: string): string | null {
  const value = valueAt(request, path);
  return typeof value === 'string' ? value : null;
}

/** The maximum tokens of all answers to a body; null if it sets none. */
export function maxOutputIn(request: ModelRequest, members: SaidMembers): number | null {
  const most = countIn(request, members.maxOutput);
  return most === null ? null : most * Math.max(1, countIn(request, members.answers) ?? 1);
}

/** Maximum calls of the provider's own tools that a body allows; null if it sets none. */
export function maxToolCallsIn(request: ModelRequest, { toolCalls }: SaidMembers): number | null {
  return countIn(request, toolCalls);
}

/** Maximum pictures that a form may request: its fields are not read. */
const mostImages = 10;

/** The maximum number of chargeable units that can be read from the request itself. */
export function unitsIn(
  request: ModelRequest,
  { images, spoken }: SaidMembers,
): { images: number; characters: number } {
  const [text] = spoken.map((path) => valueAt(request, path));
  const isForm = request.body.length === 0;
  return {
    images:
      images.length === 0 ? 0 : isForm ? mostImages : Math.max(1, countIn(request, images) ?? 1),
    characters: typeof text === 'string' ? [...text].length : 0,
  };
}

function countIn(request: ModelRequest, paths: readonly string[]): number | null {
  for (const path of paths) {
    const value = valueAt(request, path);
    if (typeof value === 'number' && value >= 0) return Math.ceil(value);
  }
  return null;
}

/** Undefined for anything that is not JSON, or too long: the provider refuses it. */
function valueAt({ body, spans }: ModelRequest, path: string): unknown {
  const dot = path.indexOf('.');
  const found = spans.get(dot < 0 ? path : path.slice(0, dot));
  const span = found?.[found.length - 1];
  if (!span || span.end - span.start > maxValueBytes) return undefined;
  try {
    const value: unknown = JSON.parse(body.toString('utf8', span.start, span.end));
    if (dot < 0) return value;
    return value instanceof Object ? Reflect.get(value, path.slice(dot + 1)) : undefined;
  } catch {
    return undefined;
  }
}
