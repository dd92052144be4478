import type { Settings } from '../config/settings/settings-types.js';
import { type FetchRequest, fetchBytes } from '../upstream/fetch-bytes.js';
import { CloudError } from './cloud-error.js';

/** Settings and means for fetching credentials. */
export interface CloudContext {
  upstream: Settings['upstream'];
  /** Names of variables → values; the process's own. */
  env: Readonly<Record<string, string | undefined>>;
  /** Text of a file. @throws Error with the reason, as the end of a sentence. */
  readFile(path: string): Promise<string>;
  /** Replaces the text of a file that exists, whose owner and mode stay. */
  writeFile(path: string, text: string): Promise<void>;
  /** True if commands that profiles name may be run. */
  runsProcesses: boolean;
  /** Wall clock, milliseconds. */
  now(): number;
}

/** Credentials, and until when they are valid: wall clock, milliseconds; null: for ever. */
export interface Expiring<T> {
  value: T;
  expiresAt: number | null;
}

const timeoutMs = 5_000;
const maxBytes = 262_144;
const maxSaid = 200;

/**
 * Asks a service of a cloud. @param what names it in messages.
 * @returns the body of a 200.
 * @throws CloudError
 */
export async function askCloud(
  { upstream }: CloudContext,
  what: string,
  request: Omit<FetchRequest, 'timeoutMs' | 'maxBytes'>,
): Promise<string> {
  let answer: Awaited<ReturnType<typeof fetchBytes>>;
  try {
    answer = await fetchBytes(upstream, { ...request, timeoutMs, maxBytes });
  } catch (error) {
    throw new CloudError(`${what} ${error instanceof Error ? error.message : String(error)}`);
  }
  const text = answer.body.toString();
  if (answer.status === 200) return text;
  const said = saidIn(text);
  throw new CloudError(`${what} answers ${answer.status}${said && `: ${said}`}`);
}

/** Like `askCloud`, for an answer that is a JSON object. */
export async function askCloudForJson(
  context: CloudContext,
  what: string,
  request: Omit<FetchRequest, 'timeoutMs' | 'maxBytes'>,
): Promise<Record<string, unknown>> {
  return jsonObject(await askCloud(context, what, request), what);
}

export function jsonObject(text: string, what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = null;
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new CloudError(`${what} is no JSON object`);
}

/** A text of an answer. @throws CloudError */
export function textOf(
  from: Readonly<Record<string, unknown>>,
  name: string,
  what: string,
): string {
  const value = from[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new CloudError(`${what} has no "${name}"`);
}

/** Expiry in milliseconds. @param value ISO 8601, or seconds since the epoch, also as text. */
export function timeOf(value: unknown): number | null {
  const seconds = Number(value);
  const ms = Number.isNaN(seconds) ? Date.parse(String(value)) : seconds * 1_000;
  return Number.isFinite(ms) ? ms : null;
}

/** The end of a lifetime in seconds. */
export function expiryIn(seconds: unknown, now: number): number | null {
  const lifetime = Number(seconds);
  return Number.isFinite(lifetime) && lifetime > 0 ? now + lifetime * 1_000 : null;
}

/** A token in a file. @throws CloudError */
export async function readToken({ readFile }: CloudContext, file: string): Promise<string> {
  const text = await readFile(file).catch((error: unknown) => {
    throw new CloudError(`the token file ${error instanceof Error ? error.message : error}`);
  });
  const token = text.trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new CloudError(`the token file ${file} holds no token`);
}

export function form(fields: Readonly<Record<string, string>>) {
  return {
    method: 'POST' as const,
    headers: ['content-type', 'application/x-www-form-urlencoded'],
    body: new URLSearchParams(fields).toString(),
  };
}

/** Error codes and descriptions in an answer, and nothing else of it. */
function saidIn(text: string): string {
  let said = /<Message>([^<]*)<\/Message>/.exec(text)?.[1];
  try {
    const { error, error_description, message, Message } = JSON.parse(text);
    said ??= error_description ?? error?.message ?? message ?? Message ?? error;
  } catch {
    // Metadata services answer errors in HTML.
  }
  return typeof said === 'string' ? said.replace(/\s+/g, ' ').slice(0, maxSaid) : '';
}
