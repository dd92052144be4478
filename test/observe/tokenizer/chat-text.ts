import type { UncountedText } from '../../../src/observe/request-event.js';

/** A chat with one message, and the pieces of its answer. */
export function chatText(message: string, answer: (string | Uint8Array)[]): UncountedText {
  return {
    operation: 'chat',
    request: Buffer.from(JSON.stringify({ messages: [{ role: 'user', content: message }] })),
    answer: answer.map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : piece)),
    truncated: false,
  };
}
