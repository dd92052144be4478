/** What is particular to the OpenAI wire format, as a provider speaks it. */

/** Flat list of the headers that carry the provider's key. */
export function authorizationHeaders(apiKey: string): string[] {
  return ['authorization', `Bearer ${apiKey}`];
}
