/** A match in a text: UTF-16 units. */
export interface Match {
  start: number;
  end: number;
  /** The kind of match, such as `email`; never the text. */
  name: string;
}

/** Finds something in texts. */
export interface Detector {
  /** All matches in a whole text, in order; they may overlap those of other names. */
  find(text: string): Match[];
  /** Begins to search a text that arrives in pieces. */
  open(): DetectorRun;
}

/** Searches one text in pieces. Places count from its beginning. */
export interface DetectorRun {
  /** Everything before this place is decided: no unreported match begins or grows there. */
  readonly decided: number;
  /**
   * @param isEnd nothing follows.
   * @returns matches that are new, or longer than before.
   */
  push(text: string, isEnd: boolean): Match[];
}

/** Matches in order; overlapping or touching ones are merged under the first one's name. */
export function merged(matches: readonly Match[]): Match[] {
  const sorted = [...matches].sort((a, b) => a.start - b.start || b.end - a.end);
  const found: Match[] = [];
  for (const match of sorted) {
    const last = found.at(-1);
    if (last && match.start < last.end) last.end = Math.max(last.end, match.end);
    else found.push({ ...match });
  }
  return found;
}
