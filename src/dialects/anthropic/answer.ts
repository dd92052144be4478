import { Losses } from '../conversation/losses.js';
import {
  countAt,
  isObject,
  mapPresent,
  objectAt,
  parseBody,
  textAt,
  WrongField,
} from '../conversation/read.js';
import { mintedId } from '../conversation/tool-ids.js';
import type {
  Block,
  ConversationAnswer,
  Finish,
  FinishReason,
  JsonObject,
  Message,
  Usage,
} from '../conversation.js';
import { noClasses, outputTokens, serviceTiers } from '../usage.js';
import { readBlocks } from './block-read.js';
import { writeBlock } from './block-write.js';
import { toMessagesError } from './error.js';

const reasons = new Map<string, FinishReason>(
  Object.entries({
    end_turn: 'stop',
    stop_sequence: 'stop',
    max_tokens: 'length',
    model_context_window_exceeded: 'length',
    tool_use: 'tool_calls',
    refusal: 'refusal',
    pause_turn: 'pause',
  }),
);

const words: Readonly<Record<FinishReason, string | null>> = {
  stop: 'end_turn',
  length: 'max_tokens',
  tool_calls: 'tool_use',
  // The closest equivalent: the answer ends here because of its content.
  content_filter: 'refusal',
  refusal: 'refusal',
  pause: 'pause_turn',
  error: null,
  other: null,
};

/** @param details `stop_details` of a refusal. */
export function messagesFinish(
  raw: string | null,
  sequence: string | null,
  details: unknown,
): Finish {
  const reason = raw === null ? 'other' : (reasons.get(raw) ?? 'other');
  const detail = isObject(details) ? textAt(details, 'explanation', 'stop_details') : null;
  return { reason, raw, sequence, detail };
}

function messagesFinishWord(finish: Finish): string {
  if (finish.sequence !== null) return 'stop_sequence';
  if (finish.raw !== null && reasons.get(finish.raw) === finish.reason) return finish.raw;
  return words[finish.reason] ?? finish.raw ?? 'end_turn';
}

/** `stop_reason` and its accompanying fields. */
export function writeStop(finish: Finish): JsonObject {
  const word = messagesFinishWord(finish);
  const stop: JsonObject = { stop_reason: word, stop_sequence: finish.sequence };
  if (word === 'refusal') {
    stop.stop_details = { type: 'refusal', category: null, explanation: finish.detail };
  }
  return stop;
}

/** @throws WrongField */
export function readMessagesAnswer(bytes: Buffer): ConversationAnswer {
  const body = parseBody(bytes);
  if (body.type === 'error' && isObject(body.error)) {
    const error = toMessagesError(body.error, 0);
    const finish: Finish = { reason: 'error', raw: error.code, sequence: null, detail: null };
    return { id: null, model: null, content: [], finish, usage: null, error };
  }
  if (!Array.isArray(body.content)) throw new WrongField('content', 'must be an array');
  const sequence = textAt(body, 'stop_sequence', '');
  return {
    id: textAt(body, 'id', ''),
    model: textAt(body, 'model', ''),
    content: readBlocks(body),
    finish: messagesFinish(textAt(body, 'stop_reason', ''), sequence, body.stop_details),
    usage: readMessagesUsage(objectAt(body, 'usage', '')),
    error: null,
  };
}

export function writeMessagesAnswer(answer: ConversationAnswer, model: string): string {
  return JSON.stringify({
    id: answer.id ?? mintedId('msg_'),
    type: 'message',
    role: 'assistant',
    model,
    content: mapPresent(answer.content, writeAnswerBlock),
    ...writeStop(answer.finish),
    usage: writeMessagesUsage(answer.usage),
  });
}

const answered: Message = { role: 'assistant', content: [], at: 'content' };

/** Unlike in a request, thoughts without a signature are shown. */
export function writeAnswerBlock(block: Block): JsonObject | null {
  if (block.type === 'reasoning' && !block.seal) {
    return { type: 'thinking', thinking: block.text, signature: '' };
  }
  return writeBlock(block, answered, new Losses());
}

/** Anthropic's input counts only tokens neither read from a cache nor written to one. */
export function readMessagesUsage(from: JsonObject | null): Usage | null {
  if (!from) return null;
  const written = countAt(from, 'cache_creation_input_tokens');
  const hour = countAt(objectAt(from, 'cache_creation', 'usage'), 'ephemeral_1h_input_tokens');
  const output = countAt(from, 'output_tokens');
  const thinking = countAt(objectAt(from, 'output_tokens_details', 'usage'), 'thinking_tokens');
  return {
    ...noClasses,
    input: countAt(from, 'input_tokens'),
    cacheRead: countAt(from, 'cache_read_input_tokens'),
    cacheWrite5m: Math.max(0, written - hour),
    cacheWrite1h: Math.min(hour, written || hour),
    output,
    reasoning: Math.min(thinking, output),
    searches: countAt(objectAt(from, 'server_tool_use', 'usage'), 'web_search_requests'),
    tier: serviceTiers.find((tier) => tier === from.service_tier) ?? null,
  };
}

export function writeMessagesUsage(usage: Usage | null): JsonObject {
  const written: JsonObject = {
    input_tokens: (usage?.input ?? 0) + (usage?.audioInput ?? 0) + (usage?.imageInput ?? 0),
    cache_creation_input_tokens: (usage?.cacheWrite5m ?? 0) + (usage?.cacheWrite1h ?? 0),
    cache_read_input_tokens: usage?.cacheRead ?? 0,
    output_tokens: usage ? outputTokens(usage) : 0,
  };
  if (usage && usage.cacheWrite1h > 0) {
    written.cache_creation = {
      ephemeral_5m_input_tokens: usage.cacheWrite5m,
      ephemeral_1h_input_tokens: usage.cacheWrite1h,
    };
  }
  if (usage && usage.reasoning > 0) {
    written.output_tokens_details = { thinking_tokens: usage.reasoning };
  }
  return written;
}
