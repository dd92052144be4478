import type { RE2JS } from 're2js';
import type { NamedPattern } from '../../config/rows/guardrail.js';
import { compileLinear } from '../../config/rows/linear-pattern.js';
import type { Detector, DetectorRun, Match } from './match.js';

/**
 * Patterns in linear time, also over a text that arrives in pieces. `re2js` compiles a pattern to a
 * program of states; its own matchers need the whole text, so pieces are run through the program
 * here. Reports the text covered by any match: overlapping ones are merged.
 */

/** An instruction of the program. */
interface Inst {
  readonly op: number;
  readonly out: number;
  readonly arg: number;
  matchRune(rune: number): boolean;
}

interface Program {
  readonly inst: readonly Inst[];
  readonly start: number;
}

const op = { alt: 1, altMatch: 2, capture: 3, empty: 4, fail: 5, match: 6, nop: 7, rune: 8 };
op satisfies Record<string, number>;
const lastRuneOp = 11;

/** Zero-width conditions, as bits. */
const at = { beginLine: 1, endLine: 2, beginText: 4, endText: 8, word: 16, noWord: 32 };

export class Pattern implements Detector {
  readonly name: string;
  readonly #compiled: RE2JS;
  readonly #program: Program;

  /**
   * @param written a valid pattern.
   * @throws Error otherwise.
   */
  constructor({ name, pattern, ignore_case = false }: NamedPattern) {
    const compiled = compileLinear(pattern, ignore_case);
    if (typeof compiled === 'string') throw new Error(`${pattern}: ${compiled}`);
    this.name = name;
    this.#compiled = compiled;
    this.#program = compiled.re2Input.prog;
  }

  find(text: string): Match[] {
    // The automaton of `re2js` is many times faster, and most texts have no match.
    return this.#compiled.matcher(text).find() ? this.open().push(text, true) : [];
  }

  open(): PatternRun {
    return new PatternRun(this.name, this.#program);
  }
}

const none = -1;

class PatternRun implements DetectorRun {
  readonly #name: string;
  readonly #program: Program;
  /** The states before the next character, with the earliest match start of each. */
  #states = new Map<number, number>();
  #place = 0;
  #before = none;
  /** Half of a surrogate pair, or a character whose successor is unknown. */
  #rest = '';

  constructor(name: string, program: Program) {
    this.#name = name;
    this.#program = program;
  }

  get decided(): number {
    let earliest = this.#place;
    for (const start of this.#states.values()) earliest = Math.min(earliest, start);
    return earliest;
  }

  push(piece: string, isEnd: boolean): Match[] {
    const text = this.#rest + piece;
    const found: Match[] = [];
    let index = 0;
    while (index < text.length) {
      const rune = text.codePointAt(index) as number;
      const length = rune > 0xffff ? 2 : 1;
      if (!isEnd && length === 1 && rune >= 0xd800 && rune < 0xdc00 && index === text.length - 1) {
        break;
      }
      this.#step(rune, length, found);
      index += length;
    }
    this.#rest = text.slice(index);
    if (isEnd) {
      this.#closure(none, found);
      this.#states.clear();
    }
    return found;
  }

  /** Takes one character. */
  #step(rune: number, length: number, found: Match[]): void {
    const reached = this.#closure(rune, found);
    const next = new Map<number, number>();
    for (const [pc, start] of reached) {
      const inst = this.#program.inst[pc] as Inst;
      if (!matches(inst, rune)) continue;
      const known = next.get(inst.out);
      if (known === undefined || start < known) next.set(inst.out, start);
    }
    this.#states = next;
    this.#before = rune;
    this.#place += length;
  }

  /** The states reached without consuming a character; reports matches that end here. */
  #closure(after: number, found: Match[]): Map<number, number> {
    const { inst, start } = this.#program;
    const flags = conditions(this.#before, after);
    const reached = new Map<number, number>();
    const seen = new Map<number, number>();
    const pending: [number, number][] = [...this.#states];
    if (!this.#states.has(start)) pending.push([start, this.#place]);
    let matchStart = this.#place;
    for (let next = pending.pop(); next; next = pending.pop()) {
      const [pc, from] = next;
      const known = seen.get(pc);
      if (known !== undefined && known <= from) continue;
      seen.set(pc, from);
      const each = inst[pc] as Inst;
      if (each.op >= op.rune && each.op <= lastRuneOp) reached.set(pc, from);
      else if (each.op === op.match) matchStart = Math.min(matchStart, from);
      else if (each.op === op.alt || each.op === op.altMatch) {
        pending.push([each.out, from], [each.arg, from]);
      } else if (each.op === op.empty) {
        if ((each.arg & ~flags) === 0) pending.push([each.out, from]);
      } else if (each.op !== op.fail) pending.push([each.out, from]);
    }
    if (matchStart < this.#place) {
      found.push({ start: matchStart, end: this.#place, name: this.#name });
    }
    return reached;
  }
}

function matches(inst: Inst, rune: number): boolean {
  if (inst.op === 10) return true;
  if (inst.op === lastRuneOp) return rune !== 0x0a;
  return inst.matchRune(rune);
}

/** The zero-width conditions that hold between two characters; -1: the end of the text. */
function conditions(before: number, after: number): number {
  let flags = 0;
  if (before === none) flags |= at.beginText | at.beginLine;
  else if (before === 0x0a) flags |= at.beginLine;
  if (after === none) flags |= at.endText | at.endLine;
  else if (after === 0x0a) flags |= at.endLine;
  return flags | (isWord(before) === isWord(after) ? at.noWord : at.word);
}

function isWord(rune: number): boolean {
  return rune !== none && rune < 0x80 && /\w/.test(String.fromCharCode(rune));
}
