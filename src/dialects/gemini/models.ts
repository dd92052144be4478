/** Abilities of a Gemini model, by its name. An unknown name counts as a new model. */
export interface GeminiAbilities {
  /** True: a thinking level, where older models count tokens. */
  levels: boolean;
  /** The range of thinking tokens. */
  leastBudget: number;
  mostBudget: number;
  /** Calls of the current turn must have a signature. */
  signedCalls: boolean;
  mediaInResults: boolean;
}

export function abilitiesOf(model: string): GeminiAbilities {
  const version = Number(/gemini-(\d+)/.exec(model)?.[1] ?? Number.POSITIVE_INFINITY);
  const pro = /gemini-2\.5-pro/.test(model);
  return {
    levels: version >= 3,
    leastBudget: pro ? 128 : 0,
    mostBudget: pro ? 32_768 : 24_576,
    signedCalls: version >= 3 && Number.isFinite(version),
    mediaInResults: version >= 3,
  };
}
