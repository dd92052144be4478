/** Tokens of one request. Cached tokens are part of the prompt, reasoning of the completion. */
export interface TokenUsage {
  promptTokens: number;
  completionTokens: number;
}

/** The beginning and the end of an answer's body, for reading its usage. */
export interface AnswerEnds {
  head(bytes: number): Buffer;
  tail(bytes: number): Buffer;
}
