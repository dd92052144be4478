import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { patternReason } from './pattern-words.js';
import { type Problem, shownName } from './problem.js';

/** Checks a value. After it has returned false, `errors` says why. */
export interface Validate<T> {
  (value: unknown): value is T;
  errors: ErrorObject[] | null | undefined;
}

/**
 * The check of a schema. It is compiled at its first use, which takes milliseconds: a command uses
 * few of the hundred that it loads.
 */
export function compileSchema<T>(schema: object): Validate<T> {
  let compiled: ValidateFunction<T> | undefined;
  const validate: Validate<T> = Object.assign(
    (value: unknown): value is T => {
      compiled ??= ajv.compile<T>(schema);
      const isValid = compiled(value);
      validate.errors = compiled.errors;
      return isValid;
    },
    { errors: null },
  );
  return validate;
}

// The schemas are constants: a test checks them against JSON Schema, which takes longer here than
// most commands run.
const ajv = new Ajv({ allErrors: true, allowUnionTypes: true, meta: false, validateSchema: false });
ajv.addVocabulary(['env', 'envAlso', 'envLower', 'flag', 'secret', 'credential']);

/** Ajv's errors as problems: the path in dots, the unknown field and the allowed values by name. */
export function toProblems(source: string, errors: ErrorObject[] | null | undefined): Problem[] {
  const told = (errors ?? []).filter(({ keyword }) => !repeatsOthers.has(keyword));
  return told.map((error) => {
    const path = error.instancePath.slice(1).split('/').map(unescapePointer).join('.');
    const reason = reasonOf(error);
    if (error.propertyName === undefined) return { source, path, reason };
    const name = shownName(error.propertyName);
    return { source, path, reason: `"${name}" is not a possible name: it ${reason}` };
  });
}

function reasonOf({ keyword, params, message }: ErrorObject): string {
  switch (keyword) {
    case 'additionalProperties':
      return `unknown field "${shownName(params.additionalProperty)}"`;
    case 'required':
      return `"${params.missingProperty}" is missing`;
    case 'enum':
      return `must be one of ${params.allowedValues.join(', ')}`;
    case 'const':
      return `must be ${params.allowedValue}`;
    case 'type':
      return `must be ${typeNames(params.type)}`;
    case 'minimum':
      return `must be at least ${params.limit}`;
    case 'maximum':
      return `must be at most ${params.limit}`;
    case 'exclusiveMinimum':
      return `must be above ${params.limit}`;
    case 'minLength':
      return atLeast(params.limit, 'characters');
    case 'minItems':
      return atLeast(params.limit, 'entries');
    case 'maxLength':
      return `must have at most ${params.limit} characters`;
    case 'maxItems':
      return `must have at most ${params.limit} entries`;
    case 'uniqueItems':
      return 'must not have the same entry twice';
    case 'pattern':
      return patternReason(params.pattern);
    default:
      return message ?? 'is not valid';
  }
}

function atLeast(limit: number, what: string): string {
  return limit === 1 ? 'must not be empty' : `must have at least ${limit} ${what}`;
}

const words: Readonly<Record<string, string>> = {
  integer: 'a whole number',
  number: 'a number',
  string: 'text',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
};

function typeNames(types: string | readonly string[]): string {
  return [types]
    .flat()
    .map((type) => words[type] ?? type)
    .join(' or ');
}

/** Errors of these keywords only repeat that a part failed, which is listed separately. */
const repeatsOthers = new Set(['anyOf', 'propertyNames']);

function unescapePointer(segment: string): string {
  return segment.replaceAll('~1', '/').replaceAll('~0', '~');
}
