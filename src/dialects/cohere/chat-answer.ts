import type { StreamReader } from '../codec.js';
import {
  asObject,
  countAt,
  isObject,
  listAt,
  needObject,
  needText,
  objectAt,
  parseBody,
  parseText,
  textAt,
  WrongField,
} from '../conversation/read.js';
import type {
  Block,
  ConversationAnswer,
  Finish,
  FinishReason,
  JsonObject,
  OpenBlock,
  Part,
  Usage,
} from '../conversation.js';
import { textBlock } from '../conversation.js';
import { failedAnswer } from '../errors/conversation-error.js';
import type { SseEvent } from '../sse.js';
import { noClasses } from '../usage.js';

const reasons = new Map<string, FinishReason>(
  Object.entries({
    COMPLETE: 'stop',
    STOP_SEQUENCE: 'stop',
    MAX_TOKENS: 'length',
    TOOL_CALL: 'tool_calls',
    ERROR: 'error',
    TIMEOUT: 'error',
  }),
);

function finishOf(raw: string | null): Finish {
  const reason = raw === null ? 'other' : (reasons.get(raw) ?? 'other');
  return { reason, raw, sequence: null, detail: null };
}

/** @throws WrongField */
export function readCohereAnswer(bytes: Buffer): ConversationAnswer {
  const body = parseBody(bytes);
  const message = needObject(body, 'message', '');
  const content: Block[] = [];
  const plan = textAt(message, 'tool_plan', 'message');
  if (plan) content.push(textBlock(plan));
  for (const [i, value] of (listAt(message, 'content', 'message') ?? []).entries()) {
    const at = `message.content[${i}]`;
    const part = asObject(value, at);
    if (part.type === 'thinking') {
      content.push({ type: 'reasoning', text: needText(part, 'thinking', at), seal: null });
    } else if (part.type === 'text') content.push(textBlock(needText(part, 'text', at)));
  }
  for (const [i, value] of (listAt(message, 'tool_calls', 'message') ?? []).entries()) {
    content.push(readCall(value, `message.tool_calls[${i}]`));
  }
  const finish = finishOf(textAt(body, 'finish_reason', ''));
  return {
    id: textAt(body, 'id', ''),
    model: null,
    content,
    finish,
    usage: readUsage(objectAt(body, 'usage', '')),
    error: finish.reason === 'error' ? failedAnswer(finish.raw) : null,
  };
}

function readCall(value: unknown, at: string) {
  const call = asObject(value, at);
  const what = needObject(call, 'function', at);
  const given = textAt(what, 'arguments', `${at}.function`) ?? '';
  return {
    type: 'tool_call' as const,
    id: needText(call, 'id', at),
    name: needText(what, 'name', `${at}.function`),
    namespace: null,
    input: given.trim() === '' ? '{}' : given,
    custom: false,
    cache: null,
  };
}

/** Input includes tokens read from the cache. Null if no tokens are reported. */
function readUsage(from: JsonObject | null): Usage | null {
  const tokens =
    from && (objectAt(from, 'tokens', 'usage') ?? objectAt(from, 'billed_units', 'usage'));
  if (!tokens) return null;
  const cacheRead = countAt(from, 'cached_tokens');
  const input = Math.max(0, countAt(tokens, 'input_tokens') - cacheRead);
  return { ...noClasses, input, cacheRead, output: countAt(tokens, 'output_tokens') };
}

type Out = (part: Part) => void;

/** The tool plan is text before the calls; each call has its own number. */
export class CohereStreamReader implements StreamReader {
  #blocks = 0;
  #plan: number | null = null;
  /** Open content and calls, by their kind and number. */
  readonly #open = new Map<string, number>();
  /** Calls without arguments so far. */
  readonly #empty = new Set<number>();
  #over = false;

  push({ event, data }: SseEvent, out: Out): void {
    if (this.#over || data === '[DONE]') return;
    const from = parseText(data, '');
    const type = typeof from.type === 'string' ? from.type : event;
    const delta = isObject(from.delta) ? from.delta : {};
    const message = isObject(delta.message) ? delta.message : {};
    switch (type) {
      case 'message-start':
        out({ type: 'start', id: textAt(from, 'id', ''), model: null });
        break;
      case 'content-start':
        this.#begin(`content ${from.index}`, contentOf(message), out);
        break;
      case 'content-delta': {
        const { text, thinking } = needObject(message, 'content', 'delta.message');
        this.#add(`content ${from.index}`, text ?? thinking, out);
        break;
      }
      case 'tool-plan-delta':
        this.#plan ??= this.#begin('plan', textBlock(''), out);
        this.#add('plan', message.tool_plan, out);
        break;
      case 'tool-call-start':
        this.#closePlan(out);
        this.#startCall(from.index, message, out);
        break;
      case 'tool-call-delta': {
        const call = needObject(message, 'tool_calls', 'delta.message');
        const given = needObject(call, 'function', 'delta.message.tool_calls').arguments;
        this.#add(`call ${from.index}`, given, out);
        break;
      }
      case 'content-end':
        this.#end(`content ${from.index}`, out);
        break;
      case 'tool-call-end':
        this.#end(`call ${from.index}`, out);
        break;
      case 'message-end':
        this.#finish(delta, out);
        break;
    }
  }

  end(): void {}

  #begin(key: string, content: OpenBlock, out: Out): number {
    const block = this.#blocks++;
    this.#open.set(key, block);
    out({ type: 'open', block, content });
    return block;
  }

  #startCall(index: unknown, message: JsonObject, out: Out): void {
    const at = 'delta.message.tool_calls';
    const call = readCall(message.tool_calls, at);
    const block = this.#begin(`call ${index}`, { ...call, input: '' }, out);
    this.#empty.add(block);
    if (call.input !== '{}') this.#add(`call ${index}`, call.input, out);
  }

  #add(key: string, text: unknown, out: Out): void {
    const block = this.#open.get(key);
    if (block === undefined) throw new WrongField('index', 'is of no open block');
    if (typeof text !== 'string') throw new WrongField('delta', 'must hold a text');
    if (text === '') return;
    this.#empty.delete(block);
    out({ type: 'delta', block, text });
  }

  #end(key: string, out: Out): void {
    const block = this.#open.get(key);
    if (block === undefined) return;
    this.#open.delete(key);
    if (this.#empty.delete(block)) out({ type: 'delta', block, text: '{}' });
    out({ type: 'close', block });
  }

  #closePlan(out: Out): void {
    this.#end('plan', out);
  }

  #finish(delta: JsonObject, out: Out): void {
    this.#over = true;
    for (const key of [...this.#open.keys()]) this.#end(key, out);
    const finish = finishOf(textAt(delta, 'finish_reason', 'delta'));
    const why = textAt(delta, 'error', 'delta');
    if (finish.reason === 'error') {
      const error = failedAnswer(finish.raw);
      out({ type: 'error', error: why ? { ...error, message: why } : error });
    } else out({ type: 'finish', finish, usage: readUsage(objectAt(delta, 'usage', 'delta')) });
  }
}

function contentOf(message: JsonObject): OpenBlock {
  const content = isObject(message.content) ? message.content : {};
  return content.type === 'thinking' ? { type: 'reasoning', text: '', seal: null } : textBlock('');
}
