import { countAt, isObject } from '../conversation/read.js';
import type { JsonObject, Usage } from '../conversation.js';
import { disjoint, inputTokens, outputTokens } from '../usage.js';

/**
 * The token classes of a `usage` object of chat, completions, responses, embeddings or images. Chat
 * and responses name their counts differently; some providers mix the names, or set one set of them
 * to zero. Input includes tokens read from a cache or written to one, output includes reasoning;
 * any excess of the total over their sum is reasoning that a provider counts separately.
 */
export function readUsageObject(from: JsonObject | null): Usage | null {
  if (!from) return null;
  const input = larger(from, 'prompt_tokens', 'input_tokens');
  const told = larger(from, 'completion_tokens', 'output_tokens');
  const output = Math.max(told, countAt(from, 'total_tokens') - input);
  const inputs = detailsAt(from, ['prompt_tokens_details', 'input_tokens_details', ofInput]);
  const outputs = detailsAt(from, ['completion_tokens_details', 'output_tokens_details', ofOutput]);
  const cached = detailsAt(inputs, ['cached_tokens_details']);
  const tools = detailsAt(from, ['server_side_tool_usage_details']);
  const classes = disjoint({
    input,
    // DeepSeek reports cached tokens outside of the details.
    cacheRead: countAt(inputs, 'cached_tokens') || countAt(from, 'prompt_cache_hit_tokens'),
    cacheWrite: countAt(inputs, 'cache_write_tokens'),
    // `cached_tokens` includes the cached ones.
    audioInput: Math.max(0, countAt(inputs, 'audio_tokens') - countAt(cached, 'audio_tokens')),
    imageInput: Math.max(0, countAt(inputs, 'image_tokens') - countAt(cached, 'image_tokens')),
    output,
    reasoning: Math.max(countAt(outputs, 'reasoning_tokens'), output - told),
    audioOutput: countAt(outputs, 'audio_tokens'),
    imageOutput: countAt(outputs, 'image_tokens'),
  });
  // Perplexity and xAI search the web for answers.
  classes.searches =
    countAt(from, 'num_search_queries') ||
    countAt(tools, 'web_search_calls') + countAt(tools, 'x_search_calls') ||
    countAt(from, 'num_sources_used');
  classes.fileSearches =
    countAt(tools, 'file_search_calls') + countAt(tools, 'document_search_calls');
  return classes;
}

/** The names used by realtime and transcriptions. */
const ofInput = 'input_token_details';
const ofOutput = 'output_token_details';

/** The members of a usage object that both APIs have under different names. */
export function writtenUsage(usage: Usage) {
  const { cacheRead, cacheWrite5m, cacheWrite1h, audioInput, imageInput } = usage;
  const { audioOutput, imageOutput, reasoning } = usage;
  return {
    input: inputTokens(usage),
    inputDetails: {
      cached_tokens: cacheRead,
      cache_write_tokens: cacheWrite5m + cacheWrite1h,
      ...(audioInput > 0 && { audio_tokens: audioInput }),
      ...(imageInput > 0 && { image_tokens: imageInput }),
    },
    output: outputTokens(usage),
    outputDetails: {
      reasoning_tokens: reasoning,
      ...(audioOutput > 0 && { audio_tokens: audioOutput }),
      ...(imageOutput > 0 && { image_tokens: imageOutput }),
    },
  };
}

function larger(from: JsonObject, one: string, other: string): number {
  return Math.max(countAt(from, one), countAt(from, other));
}

/** The first of these members. */
function detailsAt(from: JsonObject | null, names: readonly string[]): JsonObject | null {
  for (const name of names) {
    const details = from?.[name] ?? null;
    if (details !== null) return isObject(details) ? details : null;
  }
  return null;
}
