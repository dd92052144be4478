/** What is particular to the OpenAI wire format, as a provider speaks it. */

/** Flat list of the headers that carry the provider's key. */
export function authorizationHeaders(apiKey: string): string[] {
  return ['authorization', `Bearer ${apiKey}`];
}

/** Whether an answer with this content type is a stream of events. */
export function isEventStream(contentType: string | string[] | undefined): boolean {
  return typeof contentType === 'string' && contentType.startsWith('text/event-stream');
}

/** An event that tells the client that its stream broke; no `[DONE]` follows it. */
export function errorEvent(body: string): Buffer {
  return Buffer.from(`data: ${body}\n\n`);
}
