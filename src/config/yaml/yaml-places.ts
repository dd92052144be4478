import {
  CORE_SCHEMA,
  constructFromEvents,
  EVENT_ID,
  type Event,
  getScalarValue,
  mergeTag,
  parseEvents,
  SCALAR_STYLE,
  YAMLException,
} from 'js-yaml';
import { joinDocuments } from '../documents/join-documents.js';
import type { Problem } from '../problem.js';

/** A problem with its line and column in the text, both counted from 1. */
export interface PlacedProblem extends Problem {
  line: number;
  column: number;
}

/** A parsed YAML text with the places of its values. */
export interface PlacedYaml {
  /** Null where it could not be read; `problems` has the reasons. */
  value: unknown;
  problems: PlacedProblem[];
  /**
   * Places a problem by its path, such as `providers.openai.weight`: at the key, or at its nearest
   * ancestor in the text. Names in the path may contain dots.
   */
  place(path: string, reason: string): PlacedProblem;
}

const schema = CORE_SCHEMA.withTags(mergeTag);
/** Maximum keys that `<<` may copy in one text. */
const maxTotalMergeKeys = 1_000_000;
/** Maximum values of a text with its aliases expanded. */
const maxValues = 20_000_000;

/**
 * Parses a YAML text in time linear in its length; an empty one is an empty object, and several
 * documents are joined. No reason quotes the text, which may hold secrets.
 */
export function readPlacedYaml(source: string, text: string): PlacedYaml {
  const lines = lineIndex(text);
  let locate: ((path: string) => number) | null = null;
  const at = (offset: number, path: string, reason: string): PlacedProblem => {
    return { source, path, reason, ...lines(offset) };
  };
  const place = (path: string, reason: string) => {
    // Parsed again only for problems: the events of a large text take more memory than all else.
    locate ??= locator(text, parseEvents(text, {}));
    return at(locate(path), path, reason);
  };
  try {
    const events = parseEvents(text, {});
    const documents = constructFromEvents(events, { source: text, schema, maxTotalMergeKeys });
    const joined = joinDocuments(documents);
    const { value } = joined;
    const problems = joined.problems.map(({ path, reason }) => place(path, reason));
    const reason = events.some(({ type }) => type === EVENT_ID.ALIAS) ? aliasProblem(value) : null;
    if (reason) problems.push(at(0, '', reason));
    return { value: problems.length > 0 ? null : value, problems, place };
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const reason = withoutText(error.reason) || 'is not YAML';
    return { value: null, problems: [at(error.mark?.position ?? 0, '', reason)], place };
  }
}

/** Removes quoted names, tags and characters from a parser's message. */
function withoutText(reason: string): string {
  const told = reason.replace(/(?:: | "| !<).*$/s, '');
  return inOtherWords.get(told) ?? told;
}

const inOtherWords = new Map([
  ['duplicated mapping key', 'this key is there twice'],
  ['unidentified alias', 'this alias has no anchor'],
]);

/** The reason that a value's aliases cannot be expanded, or null: too many values, or a cycle. */
function aliasProblem(value: unknown): string | null {
  const sizes = new Map<object, number>();
  const sizeOf = (node: unknown): number => {
    if (!(node instanceof Object)) return 1;
    const known = sizes.get(node);
    if (known !== undefined) return known;
    sizes.set(node, Number.POSITIVE_INFINITY);
    let size = 1;
    for (const each of Object.values(node)) size += sizeOf(each);
    sizes.set(node, size);
    return size;
  };
  const size = sizeOf(value);
  if (size === Number.POSITIVE_INFINITY) return 'an alias stands for what it is part of';
  return size > maxValues ? `its aliases make it more than ${maxValues} values` : null;
}

/** Finds the line and column of an offset; counts lines at the first call only. */
function lineIndex(text: string): (offset: number) => { line: number; column: number } {
  let starts: number[] | null = null;
  return (offset) => {
    starts ??= [0, ...Array.from(text.matchAll(/\r\n?|\n/g), (end) => end.index + end[0].length)];
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] as number) <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: offset - (starts[low] as number) + 1 };
  };
}

/** Longer names are not searched for, and have no place of their own. */
const maxNameLength = 300;

/** A key or an item of the text; several documents may have it. */
interface Entry {
  /** Place of the first. */
  offset: number;
  /** Indexes of the events of its values. */
  values: number[];
  /** Null until they are needed. */
  entries: Map<string, Entry> | null;
}

/**
 * Returns a function that finds the offset of a path's key. Each mapping on the way is indexed
 * once, those of several documents together, so that many problems take linear time.
 */
function locator(text: string, events: readonly Event[]): (path: string) => number {
  const ends = endsOf(events);
  const entriesOf = (entry: Entry): Map<string, Entry> => {
    if (entry.entries) return entry.entries;
    const made = new Map<string, Entry>();
    entry.entries = made;
    const add = (name: string, item: Event, value: number) => {
      const known = made.get(name);
      if (known) known.values.push(value);
      else made.set(name, { offset: offsetOf(item), values: [value], entries: null });
    };
    for (const index of entry.values) {
      const last = ends[index] ?? index;
      const isMapping = events[index]?.type === EVENT_ID.MAPPING;
      if (!isMapping && events[index]?.type !== EVENT_ID.SEQUENCE) continue;
      let at = index + 1;
      for (let position = 0; at < last; position++) {
        const item = events[at] as Event;
        if (!isMapping) add(String(position), item, at);
        else {
          const value = (ends[at] ?? at) + 1;
          if (item.type === EVENT_ID.SCALAR) add(getScalarValue(text, item), item, value);
          at = value;
        }
        at = (ends[at] ?? at) + 1;
      }
    }
    return made;
  };
  const roots = events.flatMap((event, index) =>
    event.type === EVENT_ID.DOCUMENT ? [index + 1] : [],
  );
  const root: Entry = { offset: offsetOf(events[roots[0] ?? 0]), values: roots, entries: null };
  return (path) => {
    let entry = root;
    for (let rest = path; rest !== ''; ) {
      const entries = entriesOf(entry);
      const name = pathPrefixes(rest).find((each) => entries.has(each));
      const found = name === undefined ? undefined : entries.get(name);
      if (name === undefined || !found) break;
      entry = found;
      rest = rest.slice(name.length + 1);
    }
    return entry.offset;
  };
}

/** All prefixes of a path, longest first. */
export function pathPrefixes(path: string): string[] {
  const found = path.length <= maxNameLength ? [path] : [];
  const from = Math.min(path.length - 1, maxNameLength);
  for (let dot = path.lastIndexOf('.', from); dot > 0; dot = path.lastIndexOf('.', dot - 1)) {
    found.push(path.slice(0, dot));
  }
  return found;
}

/** For each opening event the index of its closing one; for others their own index. */
function endsOf(events: readonly Event[]): Int32Array {
  const ends = new Int32Array(events.length);
  const open: number[] = [];
  for (const [index, { type }] of events.entries()) {
    ends[index] = index;
    if (type === EVENT_ID.POP) ends[open.pop() ?? index] = index;
    else if (type !== EVENT_ID.SCALAR && type !== EVENT_ID.ALIAS) open.push(index);
  }
  return ends;
}

function offsetOf(event: Event | undefined): number {
  if (event?.type === EVENT_ID.SCALAR) {
    return Math.max(0, event.valueStart - (event.style === SCALAR_STYLE.PLAIN ? 0 : 1));
  }
  if (event?.type === EVENT_ID.ALIAS) return Math.max(0, event.anchorStart - 1);
  return event && 'start' in event ? Math.max(0, event.start) : 0;
}
