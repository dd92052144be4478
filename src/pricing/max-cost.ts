import { pricedTiers } from '../config/rows/price.js';
import type { ModelPrice } from './model-price.js';
import { charge } from './money.js';

/** A request before it is sent. */
export interface AskedCost {
  marks: CostMarks;
  /** The length of its body: no token has less than a byte. */
  bytes: number;
  /** The most tokens of output that it asks for, over all answers; null: it does not say. */
  outputTokens: number | null;
  hasOutput: boolean;
  images: number;
  /** Characters of text to be spoken. */
  characters: number;
  /** Longest time that it may take, in milliseconds. */
  totalMs: number;
}

/** Tokens that a provider's templates and tools may add to a prompt. */
const hiddenTokens = 1_000;
/** Limits assumed for unknown models. */
const unknownContext = 1_000_000;
const unknownOutput = 131_072;
/** Searches assumed for a request whose provider may search: more than any does. */
const maxSearches = 20;
/** The fewest bytes that a second of audio has. */
const bytesPerSecond = 500;

/** Signs in a body of what makes a request dearer than its length says. */
export interface CostMarks {
  /** Input that is not in the body may fill the context. */
  isRemote: boolean;
  searches: boolean;
  hasAudio: boolean;
  /** It may write to a cache that lives an hour. */
  isHour: boolean;
}

const searches = ['web_search', 'google_search', 'googleSearch'];
const remote = [
  ...['"http', 'file_id', 'fileUri', 'file_uri', 'previous_response_id', '"conversation"'],
  ...['cachedContent', 'cached_content', 'file_search', 'code_interpreter', 'code_execution'],
  ...['"mcp', 'url_context', '"container"', ...searches],
];
/** Escaped ASCII letters, which no encoder writes, could hide any sign. */
const hidden = ['\\u004', '\\u005', '\\u006', '\\u007'];
/** A string is searched faster than a buffer, but must be made first. */
const maxStringBytes = 16_384;

/** @param body JSON; empty where it is a form. */
export function costMarks(body: Buffer): CostMarks {
  const text = body.length <= maxStringBytes ? body.toString('latin1') : body;
  const has = (mark: string) => text.includes(mark);
  const isHidden = hidden.some(has);
  return {
    isRemote: isHidden || remote.some(has),
    searches: isHidden || searches.some(has),
    hasAudio: isHidden || has('audio'),
    isHour: isHidden || has('"1h"'),
  };
}

/**
 * The most that a request can cost, in nano-dollars: its bytes as tokens, up to the context, and the
 * output that it asks for, or the most that the model writes, at the dearest rates that may apply.
 */
export function maxCost(price: ModelPrice, asked: AskedCost): number {
  const { isRemote, isHour, hasAudio } = asked.marks;
  const context = price.maxInputTokens ?? unknownContext;
  const input = isRemote ? context : Math.min(context, asked.bytes + hiddenTokens);
  const most = price.maxOutputTokens ?? price.maxInputTokens ?? unknownOutput;
  const output = asked.hasOutput ? (asked.outputTokens ?? most) : 0;
  const searched = asked.marks.searches ? maxSearches : 0;
  let dearest = 0;
  for (const { above, standard, tiers } of price.bands) {
    if (input <= above) break;
    for (const rates of [standard, ...pricedTiers.map((tier) => tiers[tier])]) {
      if (!rates) continue;
      const { cache_write_5m, cache_write_1h, audio_input, image_input } = rates;
      const inputRate = Math.max(
        ...[rates.input, rates.cache_read, cache_write_5m, image_input],
        isHour ? cache_write_1h : 0,
        hasAudio ? audio_input : 0,
      );
      const outputRate = Math.max(
        ...[rates.output, rates.reasoning, rates.audio_output, rates.image_output],
      );
      const cost =
        charge(input, inputRate, 1_000_000) +
        charge(output, outputRate, 1_000_000) +
        rates.request +
        rates.image * asked.images +
        rates.character * asked.characters +
        rates.search * searched +
        rates.second * Math.ceil(asked.bytes / bytesPerSecond) +
        charge(asked.totalMs, rates.hour, 3_600_000);
      dearest = Math.max(dearest, cost);
    }
  }
  return dearest;
}
