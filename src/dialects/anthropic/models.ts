/** Abilities of a Claude model, by its name. An unknown name counts as a new model. */
export interface ClaudeAbilities {
  /** Adaptive thinking, controlled by an effort. */
  adaptive: boolean;
  /** `output_config.format`. */
  schemas: boolean;
}

export function abilitiesOf(model: string): ClaudeAbilities {
  const version = claudeVersion(model);
  return { adaptive: version >= 406, schemas: version >= 405 };
}

/** 405 for 4.5; dates are not minor versions. Names up to 3.7 start with the version. */
function claudeVersion(model: string): number {
  const match = /claude-(?:instant-|[a-z]+-)?(\d{1,2})(?:[-.](\d{1,2})(?!\d))?(?!\d)/.exec(model);
  return match ? Number(match[1]) * 100 + Number(match[2] ?? 0) : Number.POSITIVE_INFINITY;
}
