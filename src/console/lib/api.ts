import { connection, session, sessionOver } from './session.js';
import { t } from './words.js';

/** Dates travel as text. */
export type Json<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? Json<Item>[]
    : T extends object
      ? { [Name in keyof T]: Json<T[Name]> }
      : T;

/** An error answer of the admin API; status 0 if it did not answer. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly code: string;
  /** The field that is wrong. */
  readonly param: string | null;
  /** The answer's `x-request-id`. */
  readonly requestId: string | null;

  constructor(
    status: number,
    code: string,
    message: string,
    param: string | null = null,
    requestId: string | null = null,
  ) {
    super(message);
    this.requestId = requestId;
    this.status = status;
    this.code = code;
    this.param = param;
  }
}

export function apiErrorOf(failure: unknown): ApiError {
  return failure instanceof ApiError ? failure : new ApiError(-1, 'unknown', String(failure));
}

export interface Asked {
  method?: string;
  body?: object;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** Calls the admin API. @param path below `admin/v1/`. @throws ApiError, AbortError. */
export async function ask(path: string, asked: Asked = {}): Promise<Response> {
  const { method = 'GET', body, headers = {}, signal } = asked;
  const token = session.value?.csrf_token;
  const answer = await reach(`admin/v1/${path}`, {
    method,
    headers: {
      accept: 'application/json',
      ...(body ? { 'content-type': 'application/json' } : {}),
      ...(method !== 'GET' && token ? { 'x-csrf-token': token } : {}),
      ...headers,
    },
    body: body ? JSON.stringify(body) : null,
    signal: signal ?? null,
    cache: 'no-store',
  });
  if (answer.ok) return answer;
  const error = await errorOf(answer);
  if (answer.status === 401 && session.value) sessionOver();
  throw error;
}

/** Like `fetch`, and notes whether the gateway answers. @throws ApiError, AbortError. */
export async function reach(url: string, options: RequestInit): Promise<Response> {
  try {
    const answer = await fetch(url, options);
    connection.value = 'good';
    return answer;
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    connection.value = 'lost';
    throw new ApiError(0, 'connection_lost', t('The gateway does not answer.'));
  }
}

/** Like `ask`, with the answer's JSON; undefined if it has none. */
export async function call<T>(path: string, asked: Asked = {}): Promise<Json<T>> {
  const answer = await ask(path, asked);
  const text = await answer.text();
  return (text === '' ? undefined : JSON.parse(text)) as Json<T>;
}

/** The error in an answer of the gateway. */
export async function errorOf(answer: Response): Promise<ApiError> {
  const text = await answer.text();
  try {
    const { error } = JSON.parse(text);
    const id = answer.headers.get('x-request-id');
    return new ApiError(answer.status, error.code, error.message, error.param, id);
  } catch {
    return new ApiError(answer.status, 'unknown', text || answer.statusText);
  }
}

/** A path with the parameters that have a value. */
export function withQuery(
  path: string,
  parameters: Readonly<
    Record<string, string | number | boolean | readonly string[] | null | undefined>
  >,
): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value === null || value === undefined || value === '') continue;
    for (const each of Array.isArray(value) ? value : [value]) query.append(name, String(each));
  }
  const text = query.toString();
  return text === '' ? path : `${path}?${text}`;
}
