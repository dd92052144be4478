import { networkProblem } from '../config/network/networks.js';
import { usageError } from './failure.js';

/**
 * Parsers of single arguments. They throw their own usage errors, because commander's would repeat
 * the text, which may hold a secret.
 */

/** For `.argParser`: a whole number from `min` to `max`. */
export function wholeNumber(flag: string, min = 0, max = 1_000_000_000): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw usageError(`${flag}: "${text}" is not a whole number from ${min} to ${max}`);
  };
}

/** For `.argParser`: one of these columns, after a `-` for the reverse order. */
export function sortColumn(columns: readonly string[]): (text: string) => string {
  return (text) => {
    if (columns.includes(text.replace(/^-/, ''))) return text;
    throw usageError(`--sort: "${text}" is not one of ${columns.join(', ')}, with or without a -`);
  };
}

/** Requests per second, or `none` for unlimited: commander takes null for a missing argument. */
export function rateLimit(text: string): number | 'none' {
  return text === 'none' ? text : wholeNumber('--rate-limit')(text);
}

/** Maximum requests at once, or `none`: as many as the rate limit. */
export function burst(text: string): number | 'none' {
  return text === 'none' ? text : wholeNumber('--burst', 1)(text);
}

/** `a,b` as addresses and networks, or `any`. */
export function networkList(text: string): string[] | 'any' {
  if (text.trim() === 'any') return 'any';
  const entries = [...new Set(text.split(',').map((entry) => entry.trim()))];
  for (const entry of entries) {
    const problem = networkProblem(entry);
    if (problem) throw usageError(`--allowed-ips: ${problem}`);
  }
  return entries;
}

/** `a,b` as a list without duplicates. */
export function modelList(text: string): string[] {
  const models = [...new Set(text.split(',').map((model) => model.trim()))].filter(Boolean);
  if (models.length > 0) return models;
  throw usageError(
    '--models: names no model',
    'for all models use --models "*"; to stop a key, revoke it',
  );
}

/** Collects the values of a repeatable flag. */
export function collect(text: string, before: string[] = []): string[] {
  return [...before, text];
}

/** `from=to` entries as a model mapping. A `/regex/` may itself contain an equals sign. */
export function modelMapping(entries: readonly string[]): Record<string, string> {
  const mapping = new Map<string, string>();
  for (const entry of entries) {
    const end = entry.startsWith('/') ? entry.lastIndexOf('/=') + 1 : 0;
    const equals = entry.indexOf('=', end);
    const from = entry.slice(0, Math.max(equals, 0)).trim();
    const to = entry.slice(equals + 1).trim();
    if (from === '' || to === '') {
      throw usageError(
        `--map: "${entry}" is not of the form from=to`,
        'for example: --map gpt-4=gpt-4o, or --map "gpt-4*=gpt-4o"',
      );
    }
    if (mapping.has(from)) throw usageError(`--map: "${from}" is mapped twice`);
    mapping.set(from, to);
  }
  return Object.fromEntries(mapping);
}

/** Tags, or other short texts, without duplicates. */
export function tagList(flag: string, texts: readonly string[]): string[] {
  const tags = [...new Set(texts.map((text) => text.trim()))];
  if (tags.every((tag) => tag !== '' && tag.length <= 100 && !/\p{Cc}/u.test(tag))) return tags;
  throw usageError(`${flag}: it must have 1 to 100 characters`);
}

/** A team name. Refuses digits only, which would be taken for an id; `none` passes. */
export function teamName(text: string): string {
  const name = text.trim();
  if (name === '' || name.length > 100 || /\p{Cc}/u.test(name)) {
    throw usageError('the name of a team must have 1 to 100 characters');
  }
  if (/^\d+$/.test(name)) {
    throw usageError(`the name "${name}" would be taken for an id`, 'use a name with a letter');
  }
  return name;
}

/** A key name. Refuses digits only, which would be taken for an id. */
export function keyName(text: string): string {
  const name = text.trim();
  if (name === '' || name.length > 200) {
    throw usageError('the name of a key must have 1 to 200 characters');
  }
  if (/\p{Cc}/u.test(name)) throw usageError('the name of a key must not hold control characters');
  if (/^\d+$/.test(name)) {
    throw usageError(`the name "${name}" would be taken for an id`, 'use a name with a letter');
  }
  return name;
}
