import { isObject } from '../conversation/read.js';

/** The error in an answer whose status reports success. */
export interface AnswerError {
  /** The appropriate status. */
  status: number;
  /** The body to send with it. */
  body: string;
}

/** Larger bodies are not errors. */
const maxBytes = 65_536;

const statusNames = ['code', 'status', 'status_code', 'http_code', 'http_status'] as const;

/** Words in types and codes, in this order, and the equivalent status. */
const words: readonly [words: RegExp, status: number][] = [
  [/rate.?limit|too.?many|throttl|quota|exhausted|^tokens$|^requests$/i, 429],
  [/overload|unavailable|capacity|slow.?down/i, 503],
  [/time.?out|timed.?out|deadline/i, 504],
  [/auth|api.?key/i, 401],
  [/billing|payment|balance|credit/i, 402],
  [/permission|forbidden/i, 403],
  [/not.?found/i, 404],
  [/too.?large/i, 413],
  [/server|internal|^api_error$/i, 500],
  [/invalid|bad.?request|context.?length|unsupported|filter|moderation|policy|sensitive/i, 400],
];

/** Codes of MiniMax's `base_resp`. */
const minimaxStatuses: Readonly<Record<number, number>> = {
  1000: 500,
  1001: 504,
  1002: 429,
  1004: 401,
  1008: 402,
  1013: 500,
  1024: 500,
  1026: 400,
  1027: 400,
  1033: 500,
  1039: 429,
  1042: 400,
  2013: 400,
  2049: 401,
};

/** The status for an error of unknown kind. */
const unknownStatus = 502;

/**
 * Maps any provider's error object to a status: by its number if it has one, else by its words.
 * @param error the value of `error`, which may be a text.
 */
export function statusOfError(error: unknown): number {
  if (!isObject(error)) return unknownStatus;
  for (const name of statusNames) {
    const status = Number(error[name] ?? Number.NaN);
    if (Number.isInteger(status) && status >= 400 && status <= 599) return status;
  }
  for (const name of ['code', 'type', 'status']) {
    const word = error[name];
    const found = typeof word === 'string' && words.find(([pattern]) => pattern.test(word));
    if (found) return found[1];
  }
  return unknownStatus;
}

const errorMark = /"(?:error|base_resp|errors|error_(?:code|msg)|detail|success|code)"/;

/** True if a body is worth parsing for `errorIn`, judged by its bytes alone. */
export function mayBeError(body: Buffer): boolean {
  return body.length <= maxBytes && errorMark.test(body.toString('latin1'));
}

/** The error in a chunk or an answer of OpenAI's form; null when there is none. */
export function openaiErrorIn(answer: unknown): { status: number } | null {
  if (!isObject(answer)) return null;
  const { error, base_resp, choices, data, object } = answer;
  if (error) return { status: statusOfError(error) };
  // vLLM before 0.10, LMDeploy.
  if (object === 'error') return { status: statusOfError(answer) };
  if (isFilled(choices) || isFilled(data)) return null;
  if (!isObject(base_resp)) return isBareError(answer) ? { status: statusOfError(answer) } : null;
  const code = Number(base_resp.status_code ?? 0);
  return code === 0 ? null : { status: minimaxStatuses[code] ?? unknownStatus };
}

function isFilled(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

/**
 * True for errors without an `error` member: of FastAPI (`detail`), Cloudflare (`errors`, `success`),
 * Baidu (`error_code`), DashScope and SiliconFlow (`code` with a message).
 */
export function isBareError(answer: Record<string, unknown>): boolean {
  const { detail, errors, error_code, success, code, message, msg } = answer;
  if (detail || error_code || success === false) return true;
  if (Array.isArray(errors) && errors.length > 0) return true;
  const isFine = !code || /^(?:0|200|ok|success)$/i.test(String(code));
  return !isFine && (typeof message === 'string' || typeof msg === 'string');
}

/** Parses JSON; undefined if invalid. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
