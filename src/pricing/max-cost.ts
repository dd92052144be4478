import { pricedTiers } from '../config/rows/price.js';
import { escapedLetters } from '../dialects/body/escaped-letters.js';
import type { FullRates, ModelPrice } from './model-price.js';
import { charge } from './money.js';

/** A request before it is sent. */
export interface AskedCost {
  marks: CostMarks;
  /** The length of its body: every token has at least one byte. */
  bytes: number;
  /** The maximum output tokens requested, over all answers; null: unset. */
  outputTokens: number | null;
  hasOutput: boolean;
  images: number;
  /** Characters of text to be spoken. */
  characters: number;
  /** The most calls of the provider's own tools that it allows; null: it does not say. */
  toolCalls: number | null;
  /** It ranks documents, which some charge for in searches. */
  isRanking: boolean;
  /** Maximum duration, in milliseconds. */
  totalMs: number;
}

/** Tokens that a provider's templates and tools may add to a prompt. */
const hiddenTokens = 1_000;
/** Limits assumed for unknown models. */
const unknownContext = 1_000_000;
const unknownOutput = 131_072;
/** Searches assumed for a request whose provider may search: as many as deep research does. */
const maxSearches = 100;
/** Pictures made, or containers used, by one that does not say how many. */
const maxMade = 10;
/** The fewest that 100 documents have, which are ranked for one search. */
const bytesPerRanking = 300;
/** More tokens than a picture has, made or given. */
const maxPictureTokens = 10_000;
/** Minimum bytes per second of audio. */
const bytesPerSecond = 500;

/** Signs in a body that a request may cost more than its length suggests. */
export interface CostMarks {
  /** Input outside of the body may fill the context. */
  isRemote: boolean;
  searches: boolean;
  searchesFiles: boolean;
  makesPictures: boolean;
  runsCode: boolean;
  hasAudio: boolean;
  /** It may write to a cache with a lifetime of an hour. */
  isHour: boolean;
}

/** A prompt that its provider stores may have any tool. */
const stored = '"pmpt_';
const searches = ['web_search', 'google_search', 'googleSearch', 'search_parameters', stored];
const fileSearches = ['file_search', stored];
const pictures = ['image_generation', stored];
const code = ['code_interpreter', stored];
const remote = [
  ...['"http', 'file_id', 'fileUri', 'file_uri', 'previous_response_id', '"conversation"'],
  ...['cachedContent', 'cached_content', 'code_interpreter', 'code_execution'],
  ...['"mcp', 'url_context', '"container"', ...searches, ...fileSearches],
  ...pictures,
];
/** Models that search without being asked to. */
const searchers = /sonar|search/i;
const marks = [...escapedLetters, ...remote, 'audio', '"1h"'];
/** Any of the marks, in one pass. Nothing in it repeats, so that it takes a time linear in the text. */
const anyMark = new RegExp(marks.map((mark) => mark.replaceAll('\\', '\\\\')).join('|'));
/** A string is searched several times as fast as a buffer, but is made of it first. */
const sliceBytes = 65_536;
const longestMark = Math.max(...marks.map(({ length }) => length));
const noMarks: CostMarks = {
  isRemote: false,
  searches: false,
  searchesFiles: false,
  makesPictures: false,
  runsCode: false,
  hasAudio: false,
  isHour: false,
};

/** Any response of a session may have a full context, and audio. */
export const sessionMarks: CostMarks = { ...noMarks, isRemote: true, hasAudio: true };

/** @param body JSON; empty where it is a form. */
export function costMarks(body: Buffer): CostMarks {
  if (!hasAnyMark(body)) return noMarks;
  const has = (mark: string) => body.includes(mark);
  const isHidden = escapedLetters.some(has);
  return {
    isRemote: isHidden || remote.some(has),
    searches: isHidden || searches.some(has),
    searchesFiles: isHidden || fileSearches.some(has),
    makesPictures: isHidden || pictures.some(has),
    runsCode: isHidden || code.some(has),
    hasAudio: isHidden || has('audio'),
    isHour: isHidden || has('"1h"'),
  };
}

/** Slices overlap, so that none cuts a mark. */
function hasAnyMark(body: Buffer): boolean {
  for (let at = 0; at < body.length; at += sliceBytes - longestMark) {
    if (anyMark.test(body.toString('latin1', at, at + sliceBytes))) return true;
  }
  return false;
}

/**
 * The most that a request can cost, in nano-dollars: its bytes as tokens, up to the context, and the
 * output that it asks for, or the most that the model writes, at the dearest rates that may apply.
 * @param model as it is sent.
 */
export function maxCost(price: ModelPrice, asked: AskedCost, model: string): number {
  const context = price.maxInputTokens ?? unknownContext;
  const input = asked.marks.isRemote ? context : Math.min(context, asked.bytes + hiddenTokens);
  const most = price.maxOutputTokens ?? price.maxInputTokens ?? unknownOutput;
  const output = asked.hasOutput ? (asked.outputTokens ?? most) : 0;
  const bounds: Bounds = {
    input,
    output,
    maySearch: asked.marks.searches || asked.isRanking || searchers.test(model),
    writesPictures: !price.picturesByTool,
  };
  let dearest = 0;
  for (const { above, standard, tiers } of price.bands) {
    if (input <= above) break;
    dearest = Math.max(dearest, costAt(standard, asked, bounds));
    for (const tier of pricedTiers) {
      const rates = tiers[tier];
      if (rates) dearest = Math.max(dearest, costAt(rates, asked, bounds));
    }
  }
  return dearest;
}

/** The most that a request may use of a model. */
interface Bounds {
  /** Tokens; likewise `output`. */
  input: number;
  output: number;
  maySearch: boolean;
  /** The output itself may be a picture. */
  writesPictures: boolean;
}

function costAt(rates: FullRates, asked: AskedCost, bounds: Bounds): number {
  const { input, output, maySearch, writesPictures } = bounds;
  const { isHour, hasAudio, searchesFiles, makesPictures, runsCode } = asked.marks;
  const calls = asked.isRanking
    ? 1 + Math.ceil(asked.bytes / bytesPerRanking)
    : (asked.toolCalls ?? maxSearches);
  const inputRate = Math.max(
    rates.input,
    rates.cache_read,
    rates.cache_write_5m,
    rates.image_input,
    isHour ? rates.cache_write_1h : 0,
    hasAudio ? rates.audio_input : 0,
  );
  const picture =
    rates.image +
    charge(maxPictureTokens, rates.image_input, 1_000_000) +
    charge(maxPictureTokens, rates.image_output, 1_000_000);
  const searchRate = Math.max(maySearch ? rates.search : 0, searchesFiles ? rates.file_search : 0);
  const madeRate = Math.max(makesPictures ? picture : 0, runsCode ? rates.container : 0);
  const { output: text, reasoning, audio_output, image_output } = rates;
  const outputRate = Math.max(text, reasoning, audio_output, writesPictures ? image_output : 0);
  return (
    charge(input, inputRate, 1_000_000) +
    charge(output, outputRate, 1_000_000) +
    rates.request +
    rates.image * asked.images +
    rates.character * asked.characters +
    calls * searchRate +
    (asked.toolCalls ?? maxMade) * madeRate +
    rates.second * Math.ceil(asked.bytes / bytesPerSecond) +
    charge(asked.totalMs, rates.hour, 3_600_000)
  );
}
