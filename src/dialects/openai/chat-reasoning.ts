import { asObject, listAt, textAt } from '../conversation/read.js';
import type { Block, JsonObject, ReasoningBlock } from '../conversation.js';

/**
 * Reasoning in chat completions is not part of OpenAI's API. Servers that show it agree on
 * `reasoning_content` (DeepSeek, vLLM) or `reasoning` for the text, and on OpenRouter's
 * `reasoning_details` for signed and encrypted parts, which supporting clients send back.
 */
export function readChatReasoning(from: JsonObject, at: string): Block[] {
  const details = listAt(from, 'reasoning_details', at);
  if (details && details.length > 0) {
    return details.map((item, i) =>
      readDetail(asObject(item, `${at}.reasoning_details[${i}]`), at),
    );
  }
  const text = textAt(from, 'reasoning_content', at) ?? textAt(from, 'reasoning', at);
  return text ? [{ type: 'reasoning', text, seal: null }] : [];
}

/** One entry of `reasoning_details`. */
export function readDetail(detail: JsonObject, at: string): ReasoningBlock {
  const text = textAt(detail, 'text', at) ?? textAt(detail, 'summary', at) ?? '';
  const encrypted = textAt(detail, 'data', at);
  const data = encrypted ?? textAt(detail, 'signature', at);
  if (data === null) return { type: 'reasoning', text, seal: null };
  const id = textAt(detail, 'id', at);
  const slot = encrypted === null ? 'signature' : 'encrypted';
  return {
    type: 'reasoning',
    text,
    seal: { dialect: 'openai.chat', provider: null, slot, id, data },
  };
}

/** Adds the reasoning fields of a message, if it has any. */
export function writeChatReasoning(content: readonly Block[], into: JsonObject): void {
  let text = '';
  let sealed = false;
  for (const block of content) {
    if (block.type !== 'reasoning') continue;
    text += block.text;
    if (block.seal) sealed = true;
  }
  if (text !== '') into.reasoning_content = text;
  if (!sealed) return;
  into.reasoning_details = content.filter((block) => block.type === 'reasoning').map(writeDetail);
}

export function writeDetail(block: ReasoningBlock): JsonObject {
  const { seal, text } = block;
  if (!seal) return { type: 'reasoning.text', text };
  const detail: JsonObject =
    seal.slot === 'signature'
      ? { type: 'reasoning.text', text, signature: seal.data }
      : { type: 'reasoning.encrypted', data: seal.data };
  if (text !== '') detail.text = text;
  if (seal.id !== null) detail.id = seal.id;
  return detail;
}
