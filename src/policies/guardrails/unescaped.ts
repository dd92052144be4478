import type { InspectorRun, Replacement } from './inspector.js';

const escapes = /\\(?:u([0-9a-fA-F]{4})|([\s\S]))/g;
const shortEscapes: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** A text of JSON with its escapes decoded. */
interface Unescaped {
  text: string;
  /** The place in the JSON of each of its characters, and of its end. */
  placeOf: (unit: number) => number;
}

export function unescaped(json: string): Unescaped {
  if (!json.includes('\\')) return { text: json, placeOf: (unit) => unit };
  const places: number[] = [];
  let text = '';
  let place = 0;
  const add = (chars: string, at: number) => {
    for (let i = 0; i < chars.length; i++) places.push(at + i);
    text += chars;
  };
  for (const match of json.matchAll(escapes)) {
    const [all, code, short = ''] = match;
    add(json.slice(place, match.index), place);
    add(
      code ? String.fromCharCode(Number.parseInt(code, 16)) : (shortEscapes[short] ?? short),
      match.index,
    );
    place = match.index + all.length;
  }
  add(json.slice(place), place);
  places.push(json.length);
  return { text, placeOf: (unit) => places[unit] ?? json.length };
}

/** The replacements at their places in the JSON. */
export function placed(
  replacements: readonly Replacement[],
  placeOf: Unescaped['placeOf'],
): Replacement[] {
  return replacements.map(({ start, end, text }) => ({
    start: placeOf(start),
    end: placeOf(end),
    text,
  }));
}

/** Inspects JSON that arrives in pieces: its escapes are decoded first. */
export class UnescapedRun implements InspectorRun {
  decided = 0;
  readonly #run: InspectorRun;
  /** An escape at the end of the JSON that is not whole yet. */
  #rest = '';
  /** Place of the rest. */
  #place = 0;
  /** Place in the JSON of each undecided character. */
  #places: number[] = [];

  /** @param run inspects the text. */
  constructor(run: InspectorRun) {
    this.#run = run;
  }

  push(piece: string, isEnd: boolean): Replacement[] {
    const json = this.#rest + piece;
    const whole = isEnd ? json.length : endOfEscapes(json);
    const { text, placeOf } = unescaped(json.slice(0, whole));
    for (let unit = 0; unit < text.length; unit++) this.#places.push(this.#place + placeOf(unit));
    this.#rest = json.slice(whole);
    this.#place += whole;
    const at = this.#run.decided;
    const placeSince = (unit: number) => this.#places[unit - at] ?? this.#place;
    const replacements = placed(this.#run.push(text, isEnd), placeSince);
    this.decided = placeSince(this.#run.decided);
    this.#places.splice(0, this.#run.decided - at);
    return replacements;
  }
}

/** Position before an escape at the end that is not whole. */
function endOfEscapes(json: string): number {
  const last = json.lastIndexOf('\\');
  let slashes = 0;
  while (json[last - slashes] === '\\') slashes++;
  if (slashes % 2 === 0) return json.length;
  const length = json[last + 1] === 'u' ? 6 : 2;
  return last + length > json.length ? last : json.length;
}
