import { isObject } from '../conversation/read.js';
import type { JsonObject } from '../conversation.js';

/** Keywords of Gemini's schemas with the same meaning as in JSON Schema. */
const kept = new Set([
  ...['description', 'title', 'default', 'nullable', 'pattern', 'minimum', 'maximum', 'required'],
  ...['minItems', 'maxItems', 'minLength', 'maxLength', 'minProperties', 'maxProperties'],
  ...['propertyOrdering', 'example'],
]);
const formats = new Set(['enum', 'date-time', 'float', 'double', 'int32', 'int64']);
/** Keywords that do not constrain values, or are resolved. */
const silent = new Set([
  '$schema',
  '$id',
  '$defs',
  'definitions',
  '$comment',
  'strict',
  'examples',
]);
/** Levels of schemas, those of references included. */
const maxDepth = 32;
/** The most times that a definition may be within itself; Gemini refuses deep schemas. */
const maxNesting = 3;
/** Bytes of JSON that all references together may stand for. */
const maxInlined = 1_048_576;

/**
 * Converts a JSON schema into the subset of OpenAPI that Gemini accepts: references are inlined,
 * unknown keywords dropped.
 * @param lost is called with each dropped keyword.
 */
export function toGeminiSchema(schema: JsonObject, lost: (keyword: string) => void): JsonObject {
  return new SchemaWriter(schema, lost).write(schema);
}

class SchemaWriter {
  readonly #root: JsonObject;
  readonly #lost: (keyword: string) => void;
  /** The definitions that are being written, innermost last. */
  readonly #within: JsonObject[] = [];
  readonly #sizes = new Map<JsonObject, number>();
  #inlined = 0;
  #depth = 0;

  constructor(root: JsonObject, lost: (keyword: string) => void) {
    this.#root = root;
    this.#lost = lost;
  }

  write(schema: JsonObject): JsonObject {
    if (this.#depth >= maxDepth) {
      this.#lost('properties');
      return { type: 'OBJECT' };
    }
    this.#depth++;
    const written: JsonObject = {};
    if (typeof schema.$ref === 'string') Object.assign(written, this.#inline(schema.$ref));
    for (const key in schema) this.#keyword(key, schema[key], written);
    this.#depth--;
    return written;
  }

  /** A definition in place of its reference; any object for one that cannot be written out. */
  #inline(ref: string): JsonObject {
    const found = this.#resolve(ref);
    if (!found) {
      this.#lost('$ref');
      return {};
    }
    const size = this.#sizes.get(found) ?? JSON.stringify(found).length;
    this.#sizes.set(found, size);
    const nesting = this.#within.filter((one) => one === found).length;
    if (nesting >= maxNesting || this.#inlined + size > maxInlined) {
      this.#lost('$ref');
      return { type: 'OBJECT' };
    }
    this.#inlined += size;
    this.#within.push(found);
    const written = this.write(found);
    this.#within.pop();
    return written;
  }

  #resolve(ref: string): JsonObject | null {
    if (!ref.startsWith('#')) return null;
    let at: unknown = this.#root;
    for (const step of ref.split('/').slice(1)) {
      const name = decoded(step).replaceAll('~1', '/').replaceAll('~0', '~');
      at = isObject(at) && Object.hasOwn(at, name) ? at[name] : null;
    }
    return isObject(at) ? at : null;
  }

  #keyword(key: string, value: unknown, written: JsonObject): void {
    if (kept.has(key)) written[key] = value;
    else if (key === 'type') this.#type(value, written);
    else if (key === 'properties' && isObject(value)) {
      const entries = Object.entries(value).filter(([, inner]) => isObject(inner));
      written.properties = Object.fromEntries(
        entries.map(([name, inner]) => [name, this.write(inner as JsonObject)]),
      );
    } else if (key === 'items' && isObject(value)) written.items = this.write(value);
    else if ((key === 'anyOf' || key === 'oneOf') && Array.isArray(value)) {
      this.#anyOf(value, written);
    } else if (key === 'allOf' && Array.isArray(value)) {
      for (const inner of value) {
        if (isObject(inner)) Object.assign(written, this.write(inner));
      }
    } else if (key === 'enum' && Array.isArray(value)) this.#enum(value, written);
    else if (key === 'const') this.#enum([value], written);
    else if (key === 'format' && formats.has(String(value))) written.format = value;
    // Gemini adds no properties by itself.
    else if (key === 'additionalProperties' && value === false) return;
    else if (key !== '$ref' && !silent.has(key)) this.#lost(key);
  }

  #type(value: unknown, written: JsonObject): void {
    const types = (Array.isArray(value) ? value : [value]).filter((type) => type !== 'null');
    if (Array.isArray(value) && types.length < value.length) written.nullable = true;
    if (types.length === 1) written.type = String(types[0]).toUpperCase();
    else if (types.length > 1) {
      written.anyOf = types.map((type) => ({ type: String(type).toUpperCase() }));
    } else written.type = 'NULL';
  }

  #anyOf(list: readonly unknown[], written: JsonObject): void {
    const options = list.filter(isObject);
    const real = options.filter(({ type }) => type !== 'null');
    if (real.length < options.length) written.nullable = true;
    const [only] = real;
    if (real.length === 1 && only) Object.assign(written, this.write(only));
    else written.anyOf = real.map((option) => this.write(option));
  }

  /** Only of strings. */
  #enum(values: readonly unknown[], written: JsonObject): void {
    if (values.every((value) => typeof value === 'string')) {
      written.enum = values;
      written.type ??= 'STRING';
    } else this.#lost('enum');
  }
}

/** A step of a reference; one that is not percent-encoded is taken as it is. */
function decoded(step: string): string {
  try {
    return decodeURIComponent(step);
  } catch {
    return step;
  }
}

/** The reverse: types in lower case, and null as a type. */
export function fromGeminiSchema(schema: JsonObject): JsonObject {
  const written: JsonObject = {};
  for (const key in schema) {
    const value = schema[key];
    if (key === 'type' && typeof value === 'string') {
      const type = value.toLowerCase();
      written.type = schema.nullable === true ? [type, 'null'] : type;
    } else if (key === 'properties' && isObject(value)) {
      written.properties = Object.fromEntries(
        Object.entries(value).map(([name, inner]) => [
          name,
          isObject(inner) ? fromGeminiSchema(inner) : inner,
        ]),
      );
    } else if (key === 'items' && isObject(value)) written.items = fromGeminiSchema(value);
    else if (key === 'anyOf' && Array.isArray(value)) {
      written.anyOf = value.map((option) => (isObject(option) ? fromGeminiSchema(option) : option));
    } else if (key !== 'nullable' && key !== 'propertyOrdering') written[key] = value;
  }
  return written;
}
