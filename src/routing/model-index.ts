import { kindOfPattern } from '../config/rows/model-pattern.js';

/** The names that a mapping's keys can match, for finding the mapping by a name. */
export interface MappedNames {
  readonly exact: readonly string[];
  /** Text before the `*` of wildcards. */
  readonly prefixes: readonly string[];
  /** True where it can match any name, by a regular expression or without keys. */
  readonly any: boolean;
}

export function mappedNames(mapping: Readonly<Record<string, string>>): MappedNames {
  const exact: string[] = [];
  const prefixes = new Set<string>();
  const keys = Object.keys(mapping);
  let any = keys.length === 0;
  for (const key of keys) {
    const kind = kindOfPattern(key);
    if (kind === 'exact') exact.push(key);
    else if (kind === 'wildcard') prefixes.add(key.slice(0, key.indexOf('*')));
    else any = true;
  }
  return { exact, prefixes: [...prefixes], any };
}

/**
 * Finds the mappings that may match a model's name, in time proportional to the matches and
 * distinct prefix lengths of wildcards, not to the number of mappings.
 */
export class ModelIndex {
  readonly #exact = new Map<string, number[]>();
  readonly #prefixes = new Map<string, number[]>();
  readonly #prefixLengths: readonly number[];
  readonly #any: number[] = [];

  /** @param mappings `find` returns indexes into this list. */
  constructor(mappings: readonly MappedNames[]) {
    const lengths = new Set<number>();
    for (const [place, { exact, prefixes, any }] of mappings.entries()) {
      for (const name of exact) add(this.#exact, name, place);
      for (const prefix of prefixes) {
        add(this.#prefixes, prefix, place);
        lengths.add(prefix.length);
      }
      if (any) this.#any.push(place);
    }
    this.#prefixLengths = [...lengths];
  }

  /** Indexes of the mappings that may match, ascending. */
  find(model: string): number[] {
    const found = new Set([...this.#any, ...(this.#exact.get(model) ?? [])]);
    for (const length of this.#prefixLengths) {
      if (length > model.length) continue;
      for (const place of this.#prefixes.get(model.slice(0, length)) ?? []) found.add(place);
    }
    return [...found].sort((a, b) => a - b);
  }
}

function add(index: Map<string, number[]>, name: string, place: number): void {
  const places = index.get(name);
  if (places) places.push(place);
  else index.set(name, [place]);
}
