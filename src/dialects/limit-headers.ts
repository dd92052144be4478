/** The state of one limit of a client. */
export interface LimitState {
  readonly counts: 'requests' | 'tokens' | 'input' | 'output';
  /** The most there can be. */
  readonly limit: number;
  readonly remaining: number;
  /** Milliseconds until the full limit is available. */
  readonly resetMs: number;
}

/** The headers that report the tightest of these limits to the clients of an API. */
export type LimitHeaders = (states: readonly LimitState[]) => Record<string, string>;

/** OpenAI has one group of headers for requests and one for tokens of all kinds. */
export const openaiLimitHeaders: LimitHeaders = (states) => {
  const headers: Record<string, string> = {};
  for (const what of ['requests', 'tokens'] as const) {
    const state = tightest(
      states,
      ({ counts }) => (counts === 'requests') === (what === 'requests'),
    );
    if (!state) continue;
    headers[`x-ratelimit-limit-${what}`] = String(state.limit);
    headers[`x-ratelimit-remaining-${what}`] = String(state.remaining);
    headers[`x-ratelimit-reset-${what}`] = `${Math.ceil(state.resetMs)}ms`;
  }
  return headers;
};

const anthropicNames = {
  requests: 'requests',
  tokens: 'tokens',
  input: 'input-tokens',
  output: 'output-tokens',
} as const;

/** Anthropic's headers contain the time of the reset. */
export const anthropicLimitHeaders: LimitHeaders = (states) => {
  const headers: Record<string, string> = {};
  for (const what of ['requests', 'tokens', 'input', 'output'] as const) {
    const state = tightest(states, ({ counts }) => counts === what);
    if (!state) continue;
    const name = `anthropic-ratelimit-${anthropicNames[what]}`;
    headers[`${name}-limit`] = String(state.limit);
    headers[`${name}-remaining`] = String(state.remaining);
    // Rounded up to the second, so that nobody retries too soon.
    const at = Math.ceil((Date.now() + state.resetMs) / 1000) * 1000;
    headers[`${name}-reset`] = new Date(at).toISOString().replace('.000Z', 'Z');
  }
  return headers;
};

function tightest(
  states: readonly LimitState[],
  isMeant: (state: LimitState) => boolean,
): LimitState | null {
  let found: LimitState | null = null;
  for (const state of states) {
    if (isMeant(state) && (!found || state.remaining < found.remaining)) found = state;
  }
  return found;
}
