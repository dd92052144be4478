import { pushAll } from '../../dialects/push-all.js';
import type { Inspector, InspectorRun, PlacedText, Replacement } from './inspector.js';
import { type Detector, type Match, merged } from './match.js';
import { joinedTexts, type Span, spansIn } from './spans.js';
import { placed, UnescapedRun, unescaped } from './unescaped.js';

/** A detector, and the fate of its matches. */
export interface Rule {
  readonly detector: Detector;
  /**
   * Called for each match; returns its replacement, or null to keep it.
   * @throws GatewayError to refuse.
   */
  act(match: Match, text: string, isJson: boolean): string | null;
}

/** Undecided text of a stream longer than this is decided as it is. */
const maxWaiting = 16_384;

/** Inspects by detectors and rules for their matches. */
export class RuleInspector implements Inspector {
  readonly #rules: readonly Rule[];

  constructor(rules: readonly Rule[]) {
    this.#rules = rules;
  }

  whole(texts: readonly PlacedText[]): Replacement[][] {
    // In JSON a letter may be written as an escape.
    const read = texts.map(({ text, kind }) => (kind === 'json' ? unescaped(text) : null));
    const found = texts.map(({ text }, index) => this.#foundIn(read[index]?.text ?? text));
    const spans = joinedTexts(texts).flatMap((group) => this.#spans(texts, group, found));
    const replacements: Replacement[][] = texts.map(() => []);
    // In the order of the texts, by which placeholders are numbered.
    for (const [index, { text, kind }] of texts.entries()) {
      const json = read[index];
      const own = acted(found[index] ?? [], json?.text ?? text, 0, kind === 'json');
      pushAll(replacements[index] ?? [], json ? placed(own, json.placeOf) : own);
      for (const { rule, span } of spans) {
        if (span.pieces[0]?.index !== index) continue;
        const replaced = rule.act(span.match, span.text, false);
        if (replaced === null) continue;
        for (const [place, { index: at, ...piece }] of span.pieces.entries()) {
          replacements[at]?.push({ ...piece, text: place === 0 ? replaced : '' });
        }
      }
    }
    return replacements;
  }

  #foundIn(text: string): Found[] {
    return this.#rules.flatMap((rule) =>
      rule.detector.find(text).map((match) => ({ rule, match })),
    );
  }

  /** Matches over several texts, except those of which a text has a match of its own. */
  #spans(
    texts: readonly PlacedText[],
    group: readonly number[],
    found: readonly Found[][],
  ): { rule: Rule; span: Span }[] {
    const taken = found.map((own) => own.map(({ match }) => match));
    return this.#rules.flatMap((rule) =>
      spansIn(texts, group, (joined) => merged(rule.detector.find(joined))).flatMap((span) => {
        const isFree = span.pieces.every(({ index, start, end }) =>
          taken[index]?.every((match) => match.end <= start || match.start >= end),
        );
        if (!isFree) return [];
        for (const { index, ...piece } of span.pieces) taken[index]?.push({ ...piece, name: '' });
        return { rule, span };
      }),
    );
  }

  open(isJson: boolean): InspectorRun {
    const run = new RuleRun(this.#rules, isJson);
    return isJson ? new UnescapedRun(run) : run;
  }
}

class RuleRun implements InspectorRun {
  decided = 0;
  readonly #runs: readonly { rule: Rule; run: ReturnType<Rule['detector']['open']> }[];
  readonly #isJson: boolean;
  /** The undecided tail of the text. */
  #text = '';
  #matches: Found[] = [];

  constructor(rules: readonly Rule[], isJson: boolean) {
    this.#runs = rules.map((rule) => ({ rule, run: rule.detector.open() }));
    this.#isJson = isJson;
  }

  push(piece: string, isEnd: boolean): Replacement[] {
    this.#text += piece;
    const at = this.decided;
    const end = at + this.#text.length;
    for (const { rule, run } of this.#runs) {
      for (const match of run.push(piece, isEnd)) this.#matches.push({ rule, match });
    }
    const waits = !isEnd && this.#text.length <= maxWaiting;
    const all = this.#runs.map(({ run }) => run.decided);
    let decided = waits ? Math.max(at, Math.min(end, ...all)) : end;
    for (const { match } of this.#matches) {
      if (match.start < decided && match.end > decided)
        decided = Math.max(at, waits ? match.start : end);
    }
    const ready = this.#matches.filter(({ match }) => match.end <= decided);
    this.#matches = this.#matches.filter(({ match }) => match.end > decided);
    const replacements = acted(ready, this.#text, at, this.#isJson);
    this.#text = this.#text.slice(decided - at);
    this.decided = decided;
    return replacements;
  }
}

interface Found {
  rule: Rule;
  match: Match;
}

/** Applies the rules to their matches. @param at place of the text. */
function acted(found: readonly Found[], text: string, at: number, isJson: boolean): Replacement[] {
  const replacements = longest(found).flatMap(({ rule, match: { start, end, name } }) => {
    const from = Math.max(start, at);
    const part = text.slice(from - at, end - at);
    const replaced = rule.act({ start: from, end, name }, part, isJson);
    return replaced === null ? [] : { start: from, end, text: replaced };
  });
  return withoutOverlaps(replacements);
}

/**
 * A pattern reports a match again each time it grows: overlapping matches of one rule are merged.
 */
function longest(all: readonly Found[]): Found[] {
  const sorted = [...all].sort(
    (a, b) => a.match.start - b.match.start || b.match.end - a.match.end,
  );
  const found: Found[] = [];
  const last = new Map<Rule, Match>();
  for (const { rule, match } of sorted) {
    const before = last.get(rule);
    if (before && match.start < before.end) {
      before.end = Math.max(before.end, match.end);
      continue;
    }
    const own = { ...match };
    last.set(rule, own);
    found.push({ rule, match: own });
  }
  return found;
}

/** In order; of two overlapping ones the first wins, extended by the rest of the second. */
function withoutOverlaps(replacements: readonly Replacement[]): Replacement[] {
  const sorted = [...replacements].sort((a, b) => a.start - b.start || b.end - a.end);
  const found: Replacement[] = [];
  for (const each of sorted) {
    const last = found.at(-1);
    if (last && each.start < last.end) last.end = Math.max(last.end, each.end);
    else found.push({ ...each });
  }
  return found;
}
