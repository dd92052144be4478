import fc from 'fast-check';

/** The subset of JSON Schema used by our documents. */
interface Schema {
  $ref?: string;
  type?: string | readonly string[];
  enum?: readonly unknown[];
  const?: unknown;
  anyOf?: readonly Schema[];
  oneOf?: readonly Schema[];
  examples?: readonly unknown[];
  properties?: Record<string, Schema>;
  required?: readonly string[];
  additionalProperties?: boolean | Schema;
  items?: Schema;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
}

/** Numbers and texts that often break code. */
const odd = fc.constantFrom<unknown>(
  ...[null, true, -1, 0, 0.5, 2 ** 31, 2 ** 53, 1e300, '', ' ', 'NaN', 'null', '\u0000', '\ud800'],
  ...['__proto__', 'constructor', '9223372036854775808', '../x', '%', "'; --", '\u202e', '🦀'],
  ...[[], {}, [null], { __proto__: 1 }, 'x'.repeat(5_000)],
);

/**
 * Values for a schema: mostly valid ones, some odd in one place, some odd altogether.
 * @param resolve returns the schema of a `$ref`.
 */
export function arbitraryOf(
  schema: Schema,
  resolve: (reference: string) => Schema,
): fc.Arbitrary<unknown> {
  const valid = validFor(schema, resolve);
  return fc.oneof({ weight: 20, arbitrary: valid }, { weight: 1, arbitrary: odd });
}

function validFor(
  schema: Schema,
  resolve: (reference: string) => Schema,
  depth = 0,
): fc.Arbitrary<unknown> {
  const of = (part: Schema) =>
    depth > 4
      ? fc.constant(null)
      : fc.oneof(
          { weight: 60, arbitrary: validFor(part, resolve, depth + 1) },
          { weight: 1, arbitrary: odd },
        );
  if (schema.$ref !== undefined) return of(resolve(schema.$ref));
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return fc.oneof(...choices.map(of));
  const types = typeof schema.type === 'string' ? [schema.type] : (schema.type ?? []);
  const byType: Record<string, () => fc.Arbitrary<unknown>> = {
    null: () => fc.constant(null),
    boolean: () => fc.boolean(),
    integer: () => numberFor(schema),
    number: () => numberFor(schema),
    string: () => textFor(schema),
    array: () => fc.array(of(schema.items ?? {}), { maxLength: 3 }),
    object: () => objectFor(schema, of),
  };
  const possible = types.flatMap((type) => byType[type]?.() ?? []);
  return possible.length > 0 ? fc.oneof(...possible) : fc.jsonValue({ maxDepth: 2 });
}

/** Often small, since rows have small numbers. */
function numberFor({ minimum = 0, maximum = 1_000_000 }: Schema): fc.Arbitrary<number> {
  const min = Math.ceil(minimum);
  const max = Math.max(min, Math.floor(maximum));
  return fc.oneof(fc.integer({ min, max: Math.min(min + 3, max) }), fc.integer({ min, max }));
}

function textFor({ pattern, minLength = 0, maxLength = 40 }: Schema): fc.Arbitrary<string> {
  // fast-check makes no text for a lookahead.
  if (pattern?.includes('(?!')) {
    const matches = new RegExp(pattern, 'u');
    return fc.string({ minLength, maxLength }).filter((text) => matches.test(text));
  }
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern, 'u'), { size: 'small' });
  return fc.string({ minLength, maxLength: Math.max(minLength, Math.min(maxLength, 40)) });
}

function objectFor(
  { properties = {}, required = [], additionalProperties }: Schema,
  of: (part: Schema) => fc.Arbitrary<unknown>,
): fc.Arbitrary<unknown> {
  const fields = Object.fromEntries(
    Object.entries(properties).map(([name, part]) => [name, of(part)]),
  );
  const known = fc.record(fields, { requiredKeys: required.filter((name) => name in fields) });
  if (typeof additionalProperties !== 'object') return known;
  const others = fc.dictionary(fc.string({ minLength: 1 }), of(additionalProperties), {
    maxKeys: 3,
  });
  return fc.tuple(others, known).map(([more, fixed]) => ({ ...more, ...fixed }));
}
