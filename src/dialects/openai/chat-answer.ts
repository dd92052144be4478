import {
  asList,
  asObject,
  listAt,
  needObject,
  objectAt,
  parseBody,
  textAt,
  WrongField,
} from '../conversation/read.js';
import { mintedId, secondsNow } from '../conversation/tool-ids.js';
import type {
  Block,
  ConversationAnswer,
  Finish,
  FinishReason,
  JsonObject,
  Usage,
} from '../conversation.js';
import { failedAnswer } from '../errors/conversation-error.js';
import { pushAll } from '../push-all.js';
import { readChatReasoning, writeChatReasoning } from './chat-reasoning.js';
import { readContent } from './chat-request-read.js';
import { readToolCall, writeToolCall } from './chat-tools.js';
import { toError } from './shared.js';
import { readUsageObject, writtenUsage } from './usage-classes.js';

const reasons = new Map<string, FinishReason>(
  Object.entries({
    stop: 'stop',
    length: 'length',
    tool_calls: 'tool_calls',
    function_call: 'tool_calls',
    content_filter: 'content_filter',
    pause_turn: 'pause',
    // DeepSeek and OpenRouter report a failed model this way.
    insufficient_system_resource: 'error',
    error: 'error',
  }),
);

const words: Readonly<Record<FinishReason, string | null>> = {
  stop: 'stop',
  length: 'length',
  tool_calls: 'tool_calls',
  content_filter: 'content_filter',
  // A refusal is recognized by its text.
  refusal: 'content_filter',
  pause: 'pause_turn',
  error: 'error',
  other: null,
};

const noRefusalText = 'The model refused to answer.';

export function chatFinish(raw: string | null, refused: boolean): Finish {
  const reason = refused ? 'refusal' : raw === null ? 'other' : (reasons.get(raw) ?? 'other');
  return { reason, raw, sequence: null, detail: null };
}

export function chatFinishWord(finish: Finish): string {
  if (finish.raw !== null && reasons.get(finish.raw) === finish.reason) return finish.raw;
  return words[finish.reason] ?? finish.raw ?? 'stop';
}

/** A text for a refusal that arrived without one; null if there is no refusal or it has a text. */
export function missingRefusal(finish: Finish, content: readonly Block[]): string | null {
  if (finish.reason !== 'refusal' || content.some(({ type }) => type === 'refusal')) return null;
  return finish.detail ?? noRefusalText;
}

/** @throws WrongField */
export function readChatAnswer(bytes: Buffer): ConversationAnswer {
  const body = parseBody(bytes);
  const failure = objectAt(body, 'error', '');
  const choices = failure ? [] : asList(body.choices, 'choices');
  if (!failure && choices.length === 0) throw new WrongField('choices', 'must not be empty');
  const at = 'choices[0]';
  const choice = failure ? {} : asObject(choices[0], at);
  const message = failure ? {} : needObject(choice, 'message', at);
  const content = readChatReasoning(message, `${at}.message`);
  if (message.content !== '') pushAll(content, readContent(message.content, `${at}.message`));
  const refusal = textAt(message, 'refusal', `${at}.message`);
  if (refusal !== null) content.push({ type: 'refusal', text: refusal });
  const calls = listAt(message, 'tool_calls', `${at}.message`) ?? [];
  pushAll(
    content,
    calls.map((call, i) => readToolCall(call, `${at}.message.tool_calls[${i}]`)),
  );
  const finish = chatFinish(textAt(choice, 'finish_reason', at), refusal !== null);
  const error = failure
    ? toError(failure, 0)
    : finish.reason === 'error'
      ? failedAnswer(finish.raw)
      : null;
  return {
    id: textAt(body, 'id', ''),
    model: textAt(body, 'model', ''),
    content,
    finish: error ? { ...finish, reason: 'error' } : finish,
    usage: readUsageObject(objectAt(body, 'usage', '')),
    error,
  };
}

export function writeChatAnswer(answer: ConversationAnswer, model: string): string {
  const message: JsonObject = { role: 'assistant', content: null, refusal: null };
  const calls: JsonObject[] = [];
  let text: string | null = null;
  for (const block of answer.content) {
    if (block.type === 'text') text = (text ?? '') + block.text;
    else if (block.type === 'refusal') message.refusal = block.text;
    else if (block.type === 'tool_call') calls.push(writeToolCall(block, block.id));
  }
  message.content = text;
  writeChatReasoning(answer.content, message);
  if (calls.length > 0) message.tool_calls = calls;
  message.refusal ??= missingRefusal(answer.finish, answer.content);
  return JSON.stringify({
    id: answer.id ?? mintedId('chatcmpl-'),
    object: 'chat.completion',
    created: secondsNow(),
    model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: chatFinishWord(answer.finish) }],
    ...(answer.usage ? { usage: writeChatUsage(answer.usage) } : null),
  });
}

export function writeChatUsage(usage: Usage): JsonObject {
  const { input, inputDetails, output, outputDetails } = writtenUsage(usage);
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: inputDetails,
    completion_tokens_details: outputDetails,
  };
}
