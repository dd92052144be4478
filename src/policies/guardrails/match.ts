/** A place in a text that something was found at: UTF-16 units. */
export interface Match {
  start: number;
  end: number;
  /** Names what was found, such as `email`; never the text. */
  name: string;
}

/** Finds something in texts. */
export interface Detector {
  /** All matches in a whole text, in order; they may overlap those of other names. */
  find(text: string): Match[];
  /** Begins to look at a text that arrives in pieces. */
  open(): DetectorRun;
}

/** Looks at one text in pieces. Places count from its beginning. */
export interface DetectorRun {
  /** Places before this are decided: no match begins there, or grows there, that is not told. */
  readonly decided: number;
  /** @param isEnd nothing follows. @returns matches that are new, or longer than told before. */
  push(text: string, isEnd: boolean): Match[];
}

/** Matches in order, those that overlap or touch made one of the name of the first. */
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
