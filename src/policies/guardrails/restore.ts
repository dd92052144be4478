import type { Detector, DetectorRun, Match } from './match.js';
import { type Rule, RuleInspector } from './rule-inspector.js';

const placeholder = /\[[A-Z0-9_]{1,24}_\d{1,9}\]/g;
const beginning = /\[[A-Z0-9_]{0,36}$/;
const maxLength = 40;

/** Restores a request's placeholders in its answer. @param restored texts by placeholder. */
export function restoring(restored: ReadonlyMap<string, string>): RuleInspector {
  const act: Rule['act'] = ({ name }, text, isJson) => {
    const original = restored.get(name) ?? text;
    return isJson ? JSON.stringify(original).slice(1, -1) : original;
  };
  return new RuleInspector([{ detector: new RestoreDetector(restored), act }]);
}

class RestoreDetector implements Detector {
  readonly #known: ReadonlyMap<string, string>;

  constructor(known: ReadonlyMap<string, string>) {
    this.#known = known;
  }

  find(text: string): Match[] {
    return [...text.matchAll(placeholder)]
      .filter(([found]) => this.#known.has(found))
      .map(({ 0: found, index }) => ({ start: index, end: index + found.length, name: found }));
  }

  open(): DetectorRun {
    return new RestoreRun(this);
  }
}

class RestoreRun implements DetectorRun {
  decided = 0;
  readonly #detector: RestoreDetector;
  #rest = '';

  constructor(detector: RestoreDetector) {
    this.#detector = detector;
  }

  push(piece: string, isEnd: boolean): Match[] {
    const text = this.#rest + piece;
    const open = isEnd ? null : beginning.exec(text.slice(-maxLength));
    const end = text.length - (open?.[0].length ?? 0);
    const at = this.decided;
    this.decided += end;
    this.#rest = text.slice(end);
    return this.#detector
      .find(text.slice(0, end))
      .map(({ start, end, name }) => ({ start: start + at, end: end + at, name }));
  }
}
