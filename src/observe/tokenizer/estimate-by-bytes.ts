import type { TokenUsage } from '../../dialects/usage.js';
import type { UncountedText } from '../request-event.js';

/**
 * A rough count without tokenizing, for when the tokenizer cannot keep up: four bytes are a token,
 * base64 left out; each event of a stream is a token, since most providers send one per event.
 */
export function estimateByBytes(text: UncountedText): TokenUsage {
  const { operation, request, answer } = text;
  const promptTokens = tokensOfBytes(bytesOfText(bufferOf(request)));
  if (operation === 'embedding') return { promptTokens, completionTokens: 0 };
  let events = 0;
  let bytes = 0;
  for (const piece of answer) {
    events += countOf(bufferOf(piece), 'data: {');
    bytes += piece.length;
  }
  const seen = events > 0 ? events : tokensOfBytes(bytes);
  return { promptTokens, completionTokens: Math.round(seen * leftOutFactor(text, bytes)) };
}

/** The rule of thumb where nothing is encoded: four bytes are a token. */
export function tokensOfBytes(bytes: number): number {
  return Math.ceil(bytes / 4);
}

/** The factor from tokens in the kept bytes to tokens in the whole answer. */
export function leftOutFactor({ answerBytes = 0 }: UncountedText, keptBytes: number): number {
  return keptBytes === 0 ? 1 : Math.max(1, answerBytes / keptBytes);
}

/** The length without the base64 of `data:` URLs. */
function bytesOfText(json: Buffer): number {
  let length = json.length;
  for (let at = json.indexOf(base64Mark); at >= 0; ) {
    const end = json.indexOf('"', at);
    length -= (end < 0 ? json.length : end) - at;
    at = end < 0 ? -1 : json.indexOf(base64Mark, end);
  }
  return length;
}

const base64Mark = ';base64,';

function countOf(bytes: Buffer, mark: string): number {
  let count = 0;
  for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, at + 1)) count += 1;
  return count;
}

/** A view: a Buffer that crossed to another process or thread arrives as a Uint8Array. */
function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
