import type { JsonObject } from '../conversation.js';

/** A field that violates its dialect. The message never contains the value. */
export class WrongField extends Error {
  constructor(
    /** Path in the body, as `messages[2].content`; empty for the body itself. */
    readonly field: string,
    readonly problem: string,
  ) {
    super(field === '' ? `The body ${problem}.` : `'${field}' ${problem}.`);
    this.name = 'WrongField';
  }
}

/** @throws WrongField unless the bytes are a JSON object. */
export function parseBody(body: Buffer): JsonObject {
  return parseText(body.toString('utf8'), '');
}

export function parseText(text: string, field: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new WrongField(field, 'is not valid JSON');
  }
  return asObject(value, field);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function asObject(value: unknown, field: string): JsonObject {
  if (isObject(value)) return value;
  throw new WrongField(field, 'must be an object');
}

function asText(value: unknown, field: string): string {
  if (typeof value === 'string') return value;
  throw new WrongField(field, 'must be a string');
}

export function asList(value: unknown, field: string): unknown[] {
  if (Array.isArray(value)) return value;
  throw new WrongField(field, 'must be an array');
}

// Absent and null are the same in every dialect. Paths are built only for an error.

export function objectAt(from: JsonObject, key: string, path: string): JsonObject | null {
  const value = from[key];
  return value === undefined || value === null ? null : asObject(value, join(path, key));
}

export function textAt(from: JsonObject, key: string, path: string): string | null {
  const value = from[key];
  if (typeof value === 'string') return value;
  if (value === undefined || value === null) return null;
  throw new WrongField(join(path, key), 'must be a string');
}

export function listAt(from: JsonObject, key: string, path: string): unknown[] | null {
  const value = from[key];
  return value === undefined || value === null ? null : asList(value, join(path, key));
}

export function numberAt(from: JsonObject, key: string, path: string): number | null {
  const value = from[key];
  if (typeof value === 'number') return value;
  if (value === undefined || value === null) return null;
  throw new WrongField(join(path, key), 'must be a number');
}

export function flagAt(from: JsonObject, key: string, path: string): boolean | null {
  const value = from[key];
  if (typeof value === 'boolean') return value;
  if (value === undefined || value === null) return null;
  throw new WrongField(join(path, key), 'must be true or false');
}

export function textsAt(from: JsonObject, key: string, path: string): string[] {
  const list = listAt(from, key, path) ?? [];
  return list.map((item, index) => asText(item, `${join(path, key)}[${index}]`));
}

/** A required text. */
export function needText(from: JsonObject, key: string, path: string): string {
  const value = from[key];
  if (typeof value === 'string') return value;
  throw new WrongField(join(path, key), 'must be a string');
}

export function needObject(from: JsonObject, key: string, path: string): JsonObject {
  return asObject(from[key], join(path, key));
}

/** A count of tokens in a provider's answer; an invalid one counts as none. */
export function countAt(from: JsonObject | null, key: string): number {
  const value = from?.[key];
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0;
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}

/** The value of a `data:` URL; null for another URL. */
export function parseDataUrl(url: string): { mediaType: string | null; data: string } | null {
  const match = /^data:([^;,]*)(?:;[^;,]*)*;base64,/i.exec(url.slice(0, 256));
  if (!match) return null;
  return { mediaType: match[1] || null, data: url.slice(match[0].length) };
}

export function dataUrl(mediaType: string, data: string): string {
  return `data:${mediaType};base64,${data}`;
}

/**
 * The arguments of a tool call, for a dialect that needs a value: an object if the text is one,
 * `{}` for an empty text, else the text itself, so that a model's malformed output is never hidden.
 */
export function toolInput(text: string): JsonObject | string {
  if (text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : text;
  } catch {
    return text;
  }
}

/** The reverse; anything but text is written as JSON. */
export function toolText(input: unknown): string {
  if (input === undefined || input === null) return '{}';
  return typeof input === 'string' ? input : JSON.stringify(input);
}

/** Maps each item, dropping those for which the function returns null. */
export function mapPresent<From, To>(
  list: readonly From[],
  map: (item: From, index: number) => To | null,
): To[] {
  const mapped: To[] = [];
  for (let i = 0; i < list.length; i++) {
    const to = map(list[i] as From, i);
    if (to !== null) mapped.push(to);
  }
  return mapped;
}
