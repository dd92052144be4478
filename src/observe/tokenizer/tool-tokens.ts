import type { CountText } from './encode.js';
import type { Encoding } from './encoding-of.js';
import { type JsonObject, listOf, objectOf, textOf } from './json-value.js';

/**
 * Constants of the OpenAI cookbook, "How to count tokens with tiktoken". OpenAI writes function
 * definitions into the prompt in an unpublished form; the constants were measured.
 */
const perFunction: Record<Encoding, number> = { o200k_base: 7, cl100k_base: 10 };
const forProperties = 3;
const perProperty = 3;
const forEnum = -3;
const perEnumValue = 3;
const forTools = 12;

/** The tokens of a chat request's `tools`, or of its older `functions`. */
export function toolTokens(request: JsonObject, encoding: Encoding, count: CountText): number {
  const functions = [
    ...listOf(request.tools).map((tool) => objectOf(tool).function),
    ...listOf(request.functions),
  ].map(objectOf);
  let tokens = functions.length > 0 ? forTools : 0;
  for (const { name, description, parameters } of functions) {
    tokens += perFunction[encoding] + count(line(name, description));
    tokens += schemaTokens(objectOf(parameters), count, 0);
  }
  return tokens;
}

/** The cookbook covers the first level only; deeper levels and items follow the same rule. */
function schemaTokens(schema: JsonObject, count: CountText, depth: number): number {
  if (depth > maxDepth) return 0;
  const properties = Object.entries(objectOf(schema.properties));
  let tokens = properties.length > 0 ? forProperties : 0;
  for (const [key, value] of properties) {
    const property = objectOf(value);
    tokens += perProperty + count(line(key, property.type, property.description));
    tokens += enumTokens(property, count) + schemaTokens(property, count, depth + 1);
  }
  if (schema.items !== undefined) {
    const items = objectOf(schema.items);
    tokens += enumTokens(items, count) + schemaTokens(items, count, depth + 1);
  }
  return tokens;
}

const maxDepth = 32;

function enumTokens(schema: JsonObject, count: CountText): number {
  if (!Array.isArray(schema.enum)) return 0;
  let tokens = forEnum;
  for (const value of schema.enum) tokens += perEnumValue + count(String(value));
  return tokens;
}

function line(...parts: unknown[]): string {
  return parts.map(textOf).join(':').replace(/\.$/, '');
}
