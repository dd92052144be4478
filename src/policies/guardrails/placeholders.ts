/**
 * Replaces texts of a request with placeholders like `[EMAIL_1]`; equal texts get equal
 * placeholders.
 */
export class Placeholders {
  readonly #byText = new Map<string, string>();
  /** Texts to be put back, by their placeholder. */
  readonly #restored = new Map<string, string>();
  readonly #counts = new Map<string, number>();

  /**
   * @param name kind of the match.
   * @param restores true if an answer with the placeholder gets the text back.
   */
  of(name: string, text: string, restores: boolean): string {
    const kind =
      name
        .toUpperCase()
        .replace(/[^A-Z0-9]+/g, '_')
        .slice(0, maxName) || 'TEXT';
    const known = this.#byText.get(`${kind} ${text}`);
    const placeholder = known ?? `[${kind}_${this.#next(kind)}]`;
    this.#byText.set(`${kind} ${text}`, placeholder);
    if (restores) this.#restored.set(placeholder, text);
    return placeholder;
  }

  /** Placeholders to restore; null: none. */
  get restored(): ReadonlyMap<string, string> | null {
    return this.#restored.size === 0 ? null : this.#restored;
  }

  #next(kind: string): number {
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    return count;
  }
}

const maxName = 24;
