const named = /"results_url"\s*:\s*"[^"]*?(\/messages\/batches\/[^"/]+\/results)"/g;

/**
 * Message batches contain the URL of their results, which SDKs request with the client's own key:
 * it is rewritten to be below the client's base URL.
 */
export function withOwnResultsUrl(text: string): string {
  return text.replace(named, '"results_url":"/v1$1"');
}
