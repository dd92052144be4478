const named = /"results_url"\s*:\s*"[^"]*?(\/messages\/batches\/[^"/]+\/results)"/g;

/**
 * Batches of messages name the URL of their results, which its SDKs then ask with the client's own
 * key: here, below the client's base URL.
 */
export function withOwnResultsUrl(text: string): string {
  return text.replace(named, '"results_url":"/v1$1"');
}
