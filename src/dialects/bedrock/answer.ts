import { Losses } from '../conversation/losses.js';
import {
  countAt,
  isObject,
  listAt,
  needObject,
  objectAt,
  parseBody,
  textAt,
} from '../conversation/read.js';
import type {
  Block,
  ConversationAnswer,
  Finish,
  FinishReason,
  JsonObject,
  Message,
  Usage,
} from '../conversation.js';
import { failedAnswer } from '../errors/conversation-error.js';
import { inputTokens, noClasses, outputTokens } from '../usage.js';
import { readBlocks } from './block-read.js';
import { writeBlocks } from './block-write.js';

const reasons = new Map<string, FinishReason>(
  Object.entries({
    end_turn: 'stop',
    stop_sequence: 'stop',
    max_tokens: 'length',
    model_context_window_exceeded: 'length',
    tool_use: 'tool_calls',
    content_filtered: 'content_filter',
    guardrail_intervened: 'content_filter',
    refusal: 'refusal',
    pause_turn: 'pause',
    malformed_model_output: 'error',
    malformed_tool_use: 'error',
  }),
);

const words: Readonly<Record<FinishReason, string | null>> = {
  stop: 'end_turn',
  length: 'max_tokens',
  tool_calls: 'tool_use',
  content_filter: 'content_filtered',
  refusal: 'refusal',
  pause: 'pause_turn',
  error: null,
  other: null,
};

export function converseFinish(raw: string | null): Finish {
  const reason = raw === null ? 'other' : (reasons.get(raw) ?? 'other');
  return { reason, raw, sequence: null, detail: null };
}

export function converseFinishWord(finish: Finish): string {
  if (finish.raw !== null && reasons.get(finish.raw) === finish.reason) return finish.raw;
  return words[finish.reason] ?? finish.raw ?? 'end_turn';
}

/**
 * Answers contain neither an id nor a model.
 * @throws WrongField
 */
export function readConverseAnswer(bytes: Buffer): ConversationAnswer {
  const body = parseBody(bytes);
  const message = needObject(needObject(body, 'output', ''), 'message', 'output');
  const finish = converseFinish(textAt(body, 'stopReason', ''));
  return {
    id: null,
    model: null,
    content: readBlocks(message.content, 'output.message.content'),
    finish,
    usage: readConverseUsage(objectAt(body, 'usage', '')),
    error: finish.reason === 'error' ? failedAnswer(finish.raw) : null,
  };
}

export function writeConverseAnswer(answer: ConversationAnswer): string {
  const message: Message = { role: 'assistant', content: answer.content, at: 'output' };
  return JSON.stringify({
    output: { message: { role: 'assistant', content: writeAnswerBlocks(message) } },
    stopReason: converseFinishWord(answer.finish),
    usage: writeConverseUsage(answer.usage),
    metrics: { latencyMs: 0 },
  });
}

/** Unlike in a request, thoughts without a signature are shown. */
function writeAnswerBlocks(message: Message): JsonObject[] {
  const losses = new Losses();
  return message.content.flatMap((block: Block) =>
    block.type === 'reasoning' && !block.seal
      ? [{ reasoningContent: { reasoningText: { text: block.text } } }]
      : writeBlocks([block], message, losses),
  );
}

/** Input counts only tokens neither read from a cache nor written to one. */
export function readConverseUsage(from: JsonObject | null): Usage | null {
  if (!from) return null;
  const written = countAt(from, 'cacheWriteInputTokens');
  let hour = 0;
  for (const detail of listAt(from, 'cacheDetails', 'usage') ?? []) {
    if (isObject(detail) && detail.ttl === '1h') hour += countAt(detail, 'inputTokens');
  }
  return {
    ...noClasses,
    input: countAt(from, 'inputTokens'),
    cacheRead: countAt(from, 'cacheReadInputTokens'),
    cacheWrite5m: Math.max(0, written - hour),
    cacheWrite1h: hour,
    output: countAt(from, 'outputTokens'),
  };
}

export function writeConverseUsage(usage: Usage | null): JsonObject {
  const of = usage ?? noClasses;
  const { cacheRead, cacheWrite5m, cacheWrite1h } = of;
  const written: JsonObject = {
    inputTokens: of.input + of.audioInput + of.imageInput,
    outputTokens: outputTokens(of),
    totalTokens: inputTokens(of) + outputTokens(of),
    cacheReadInputTokens: cacheRead,
    cacheWriteInputTokens: cacheWrite5m + cacheWrite1h,
  };
  if (cacheWrite1h > 0) {
    written.cacheDetails = [
      { ttl: '5m', inputTokens: cacheWrite5m },
      { ttl: '1h', inputTokens: cacheWrite1h },
    ];
  }
  return written;
}
