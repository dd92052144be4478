import type { Guardrail, Phase } from '../../config/rows/guardrail.js';
import type { GuardrailOutcome } from '../../observe/request-event.js';

/** Result of one guardrail in one phase of a request. */
export class Report {
  readonly #guardrail: Guardrail;
  readonly #phase: Phase;
  readonly #found = new Set<string>();
  #verdict: GuardrailOutcome['verdict'] = 'passed';
  tookMs = 0;

  constructor(guardrail: Guardrail, phase: Phase) {
    this.#guardrail = guardrail;
    this.#phase = phase;
  }

  /** @param found names; never text of the request. */
  tell(verdict: GuardrailOutcome['verdict'], ...found: string[]): void {
    for (const name of found) this.#found.add(name.slice(0, maxName).replace(/[^\x20-\x7e]/g, '?'));
    if (weight[verdict] > weight[this.#verdict]) this.#verdict = verdict;
  }

  get isMonitoring(): boolean {
    return this.#guardrail.mode === 'monitor';
  }

  get outcome(): GuardrailOutcome {
    const { name, kind } = this.#guardrail;
    return {
      guardrail: name,
      kind,
      phase: this.#phase,
      verdict: this.#verdict,
      found: [...this.#found].sort(),
      took_ms: Math.round(this.tookMs * 1000) / 1000,
    };
  }
}

const maxName = 200;

/** The most severe verdict is reported. */
const weight: Readonly<Record<GuardrailOutcome['verdict'], number>> = {
  passed: 0,
  would_edit: 1,
  edited: 2,
  would_refuse: 3,
  error: 4,
  refused: 5,
};
