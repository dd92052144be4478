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

interface Re2Program {
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
    this.#program = new Program(compiled.re2Input.prog);
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

/** A program in flat arrays, by the number of the instruction. */
class Program {
  readonly inst: readonly Inst[];
  readonly start: number;
  readonly ops: Uint8Array;
  readonly outs: Int32Array;
  readonly args: Int32Array;
  /** For each instruction 128 bits: the characters of ASCII that it matches. */
  #ascii: Uint32Array | null = null;

  constructor({ inst, start }: Re2Program) {
    this.inst = inst;
    this.start = start;
    this.ops = Uint8Array.from(inst, (each) => each.op);
    this.outs = Int32Array.from(inst, (each) => each.out);
    this.args = Int32Array.from(inst, (each) => each.arg);
  }

  /** Made when a text is searched for the first time: most patterns are never needed. */
  get ascii(): Uint32Array {
    if (this.#ascii) return this.#ascii;
    const bits = new Uint32Array(4 * this.inst.length);
    for (const [pc, each] of this.inst.entries()) {
      if (each.op < op.rune || each.op > lastRuneOp) continue;
      for (let rune = 0; rune < 128; rune++) {
        const word = 4 * pc + (rune >> 5);
        if (matches(each, rune)) bits[word] = (bits[word] as number) | (1 << (rune & 31));
      }
    }
    this.#ascii = bits;
    return bits;
  }
}

/**
 * States with the earliest match start of each, in the order of these starts: whoever comes first to
 * a state has the earliest, so that none is visited twice for a character.
 */
class States {
  readonly pcs: Int32Array;
  readonly starts: Float64Array;
  readonly #seen: Uint32Array;
  #round = 1;
  size = 0;

  constructor(instructions: number) {
    this.pcs = new Int32Array(instructions);
    this.starts = new Float64Array(instructions);
    this.#seen = new Uint32Array(instructions);
  }

  clear(): void {
    this.size = 0;
    this.#round++;
    if (this.#round < 0xffffffff) return;
    this.#seen.fill(0);
    this.#round = 1;
  }

  /** @returns false where it is known. */
  visit(pc: number): boolean {
    if (this.#seen[pc] === this.#round) return false;
    this.#seen[pc] = this.#round;
    return true;
  }

  add(pc: number, start: number): void {
    this.pcs[this.size] = pc;
    this.starts[this.size] = start;
    this.size++;
  }
}

class PatternRun implements DetectorRun {
  readonly #name: string;
  readonly #program: Program;
  /** The states before the next character. */
  #states: States;
  #next: States;
  /** The states that consume a character, reached from those. */
  readonly #reached: States;
  readonly #stack: Int32Array;
  #place = 0;
  #before = none;
  /** Half of a surrogate pair, or a character whose successor is unknown. */
  #rest = '';

  constructor(name: string, program: Program) {
    this.#name = name;
    this.#program = program;
    const { length } = program.inst;
    this.#states = new States(length);
    this.#next = new States(length);
    this.#reached = new States(length);
    // Each instruction adds at most two others, once.
    this.#stack = new Int32Array(2 * length + 1);
  }

  get decided(): number {
    const { size, starts } = this.#states;
    return size === 0 ? this.#place : Math.min(this.#place, starts[0] as number);
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
    this.#closure(rune, found);
    const { inst, outs, ascii } = this.#program;
    const { pcs, starts, size } = this.#reached;
    const next = this.#next;
    next.clear();
    const [word, bit] = [rune >> 5, 1 << (rune & 31)];
    for (let i = 0; i < size; i++) {
      const pc = pcs[i] as number;
      const isMatch =
        rune < 128
          ? ((ascii[4 * pc + word] as number) & bit) !== 0
          : matches(inst[pc] as Inst, rune);
      if (!isMatch) continue;
      const out = outs[pc] as number;
      if (next.visit(out)) next.add(out, starts[i] as number);
    }
    this.#next = this.#states;
    this.#states = next;
    this.#before = rune;
    this.#place += length;
  }

  /** Finds the states reached without consuming a character; reports matches that end here. */
  #closure(after: number, found: Match[]): void {
    const flags = conditions(this.#before, after);
    this.#reached.clear();
    const { pcs, starts, size } = this.#states;
    let matchStart = this.#place;
    for (let i = 0; i < size; i++) {
      const start = starts[i] as number;
      if (this.#reach(pcs[i] as number, start, flags)) matchStart = Math.min(matchStart, start);
    }
    this.#reach(this.#program.start, this.#place, flags);
    if (matchStart < this.#place) {
      found.push({ start: matchStart, end: this.#place, name: this.#name });
    }
  }

  /** @returns true where a match ends. */
  #reach(from: number, start: number, flags: number): boolean {
    const { ops, outs, args } = this.#program;
    const [reached, stack] = [this.#reached, this.#stack];
    let isMatch = false;
    let depth = 0;
    stack[depth++] = from;
    while (depth > 0) {
      const pc = stack[--depth] as number;
      if (!reached.visit(pc)) continue;
      const kind = ops[pc] as number;
      if (kind >= op.rune && kind <= lastRuneOp) reached.add(pc, start);
      else if (kind === op.match) isMatch = true;
      else if (kind === op.alt || kind === op.altMatch) {
        stack[depth++] = outs[pc] as number;
        stack[depth++] = args[pc] as number;
      } else if (kind === op.empty) {
        if (((args[pc] as number) & ~flags) === 0) stack[depth++] = outs[pc] as number;
      } else if (kind !== op.fail) stack[depth++] = outs[pc] as number;
    }
    return isMatch;
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
