import { get_encoding, type Tiktoken } from 'tiktoken';
import { cutLongRuns } from './cut-long-runs.js';
import type { Encoding } from './encoding-of.js';
import { tokensOfBytes } from './estimate-by-bytes.js';

/** Characters encoded per request or answer; the rest is estimated by its bytes. */
export const maxEncodedCharacters = 1_000_000;

/** Counts the tokens of a text; all calls of one counter share its allowance. */
export type CountText = (text: string) => number;

/** A counter for the texts of one request or answer. */
export function textCounter(encoding: Encoding): CountText {
  let left = maxEncodedCharacters;
  return (text) => {
    if (text === '') return 0;
    const encoded = text.length <= left ? text : text.slice(0, left);
    left -= encoded.length;
    let tokens = tokensOfBytes(Buffer.byteLength(text) - Buffer.byteLength(encoded));
    for (const piece of cutLongRuns(encoded)) {
      // In a prompt, names of special tokens such as <|endoftext|> are ordinary text.
      tokens += encoderOf(encoding).encode_ordinary(piece).length;
    }
    return tokens;
  };
}

const encoders = new Map<Encoding, Tiktoken>();

/** Created at its first use, which takes about 0.3 s and 50 MB, and kept. */
function encoderOf(encoding: Encoding): Tiktoken {
  const known = encoders.get(encoding);
  if (known) return known;
  const made = get_encoding(encoding);
  encoders.set(encoding, made);
  return made;
}
