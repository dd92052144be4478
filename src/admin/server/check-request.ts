import type { ErrorObject } from 'ajv';
import { shownName } from '../../config/problem.js';
import { compileSchema, toProblems, type Validate } from '../../config/schema.js';
import { GatewayError } from '../../errors.js';
import type { Parameter, RouteDescription } from '../route.js';

/** A route's checks of a request, made from its OpenAPI operation. */
export interface RequestCheck {
  /** @throws GatewayError `invalid_request` naming the parameter. */
  parameters(path: Readonly<Record<string, string>>, query: URLSearchParams): void;
  /**
   * The JSON body; undefined where there is none.
   * @throws GatewayError `invalid_json`, `invalid_request` naming the field.
   */
  body(text: string): unknown;
}

/** An `admin` route refuses unknown query parameters. */
export function requestCheck({ access, operation }: RouteDescription): RequestCheck {
  const parameters = (operation.parameters ?? []).map((parameter) => {
    const { schema } = parameter;
    const items = 'items' in schema ? (schema.items as object) : null;
    return { ...parameter, mayRepeat: items !== null, validate: compileSchema(items ?? schema) };
  });
  const known = new Set(parameters.filter((one) => one.in === 'query').map(({ name }) => name));
  const { requestBody } = operation;
  const validateBody = requestBody && compileSchema(requestBody.content['application/json'].schema);
  return {
    parameters(path, query) {
      for (const name of query.keys()) {
        if (access === 'admin' && !known.has(name)) {
          throw invalid(name, `unknown query parameter "${shownName(name)}"`);
        }
      }
      for (const parameter of parameters) {
        if (parameter.in === 'header') continue;
        const { name, required, mayRepeat, validate } = parameter;
        const given = parameter.in === 'path' ? [path[name] ?? ''] : query.getAll(name);
        if (required && given.length === 0) throw invalid(name, `${name} is missing`);
        // Another program in between might take the other one.
        if (given.length > 1 && !mayRepeat) throw invalid(name, `${name}: is given more than once`);
        for (const text of given) checkText(parameter, text, validate);
      }
    },
    body(text) {
      if (!validateBody) return undefined;
      if (text === '' && !requestBody.required) return undefined;
      const body = parse(text);
      if (!validateBody(body)) throw invalidBody(validateBody.errors ?? []);
      return body;
    },
  };
}

/** Characters that PostgreSQL cannot store: NUL, and unpaired surrogates. */
const unstorable = /[\0\p{Surrogate}]/u;

const maybeUnstorable = /\\u(?:0000|d[89a-f])/i;

function checkText({ name }: Parameter, text: string, validate: Validate<unknown>): void {
  if (unstorable.test(text)) throw invalid(name, `${name}: has a character that cannot be stored`);
  if (validate(text) || validate(scalar(text))) return;
  const reasons = toProblems('', validate.errors).map(({ reason }) => reason);
  throw invalid(name, `${name}: ${reasons.join('; ')}`);
}

/** Parses a parameter's text as a number or boolean where it looks like one. */
function scalar(text: string): unknown {
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  return text === 'true' ? true : text === 'false' ? false : text;
}

function parse(text: string): unknown {
  let unstorableAt: string | null = null;
  const look = (key: string, value: unknown) => {
    if (unstorable.test(key) || (typeof value === 'string' && unstorable.test(value))) {
      unstorableAt ??= key;
    }
    return value;
  };
  let body: unknown;
  try {
    // The text is UTF-8, so it has such a character only as an escape; looking at each value takes long.
    body = maybeUnstorable.test(text) ? JSON.parse(text, look) : JSON.parse(text);
  } catch {
    // JSON.parse's message would quote the text, which may hold a secret.
    throw new GatewayError('invalid_json', 'The request body is not valid JSON.');
  }
  if (unstorableAt !== null) {
    const reason = 'has a character that cannot be stored';
    throw invalid(unstorableAt, `${shownName(unstorableAt)}: ${reason}`);
  }
  return body;
}

/** More would not help a reader. */
const maxTold = 20;

function invalidBody(errors: ErrorObject[]): GatewayError {
  const found = errors.slice(0, maxTold).flatMap((error) =>
    toProblems('', [error]).map(({ path, reason }) => {
      const { additionalProperty, missingProperty } = error.params;
      const param = [path, additionalProperty ?? missingProperty].filter(Boolean).join('.');
      return { param, text: path ? `${shownName(path)}: ${reason}` : reason };
    }),
  );
  const more = errors.length > maxTold ? [`and ${errors.length - maxTold} more`] : [];
  const told = [...found.map(({ text }) => text), ...more].join('; ');
  return invalid(found[0]?.param ?? '', told);
}

function invalid(param: string, message: string): GatewayError {
  const named = param === '' ? {} : { param: shownName(param) };
  return new GatewayError('invalid_request', message, named);
}
