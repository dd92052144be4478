import { asObject } from '../conversation/read.js';
import type { JsonObject } from '../conversation.js';

/** Google's JSON accepts camelCase and snake_case: converts all names to camelCase. */
export function asProto(value: unknown, at: string): JsonObject {
  const from = asObject(value, at);
  for (const key in from) if (key.includes('_')) return camelKeys(from);
  return from;
}

function camelKeys(from: JsonObject): JsonObject {
  const to: JsonObject = {};
  for (const key in from) {
    to[key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())] = from[key];
  }
  return to;
}

/** The same for a field that may be absent. */
export function protoAt(from: JsonObject, key: string, path: string): JsonObject | null {
  const value = from[key];
  if (value === undefined || value === null) return null;
  return asProto(value, path === '' ? key : `${path}.${key}`);
}
