import type { StreamReader } from '../codec.js';
import { asObject, isObject, listAt, objectAt, parseText, textAt } from '../conversation/read.js';
import { mintedToolId } from '../conversation/tool-ids.js';
import type { JsonObject, Part, Usage } from '../conversation.js';
import { failedAnswer } from '../errors/conversation-error.js';
import type { SseEvent } from '../sse.js';
import { chatFinish } from './chat-answer.js';
import { readDetail } from './chat-reasoning.js';
import { toError } from './shared.js';
import { readUsageObject } from './usage-classes.js';

type Out = (part: Part) => void;
type Flow = 'text' | 'refusal' | 'reasoning';

interface Call {
  block: number;
  id: string;
  custom: boolean;
  empty: boolean;
}

/**
 * Chat marks neither the end of a text nor of a call: a text ends where something else begins,
 * calls end with the stream, since a server may still add to an earlier one.
 */
export class ChatStreamReader implements StreamReader {
  #blocks = 0;
  #started = false;
  #over = false;
  #id: string | null = null;
  #flow: Flow | null = null;
  #flowBlock = 0;
  readonly #calls = new Map<number, Call>();
  /** Calls replaced at their index by another one. */
  readonly #older: Call[] = [];
  #raw: string | null = null;
  #refused = false;
  #usage: Usage | null = null;

  push(event: SseEvent, out: Out): void {
    if (this.#over) return;
    if (event.data === '[DONE]') {
      this.#finish(out);
      return;
    }
    const chunk = parseText(event.data, '');
    if (isObject(chunk.error)) {
      this.#fail(toError(chunk.error, 0), out);
      return;
    }
    const choices = chunk.choices;
    const choice = Array.isArray(choices) ? choices[0] : undefined;
    // Azure begins with an event about filters, without choices or an id.
    if (!this.#started && choice !== undefined) {
      this.#started = true;
      this.#id = textAt(chunk, 'id', '');
      out({ type: 'start', id: this.#id, model: textAt(chunk, 'model', '') });
    }
    // Choices other than the first were not requested.
    if (isObject(choice) && (choice.index ?? 0) === 0) this.#choice(choice, out);
    if (chunk.usage) this.#usage = readUsageObject(objectAt(chunk, 'usage', ''));
  }

  end(out: Out): void {
    if (!this.#over && this.#raw !== null) this.#finish(out);
  }

  #choice(choice: JsonObject, out: Out): void {
    const delta = choice.delta;
    if (isObject(delta)) this.#delta(delta, out);
    const raw = choice.finish_reason;
    if (typeof raw === 'string') this.#raw = raw;
  }

  #delta(delta: JsonObject, out: Out): void {
    const details = listAt(delta, 'reasoning_details', 'choices[0].delta');
    if (details && details.length > 0) this.#details(details, out);
    else this.#text('reasoning', delta.reasoning_content ?? delta.reasoning, out);
    this.#text('text', delta.content, out);
    this.#text('refusal', delta.refusal, out);
    const calls = delta.tool_calls;
    if (!Array.isArray(calls)) return;
    for (let i = 0; i < calls.length; i++) this.#call(calls[i], i, out);
  }

  #text(flow: Flow, text: unknown, out: Out): void {
    if (typeof text !== 'string' || text === '') return;
    if (this.#flow !== flow) this.#open(flow, out);
    out({ type: 'delta', block: this.#flowBlock, text });
  }

  #open(flow: Flow, out: Out): void {
    this.#close(out);
    const block = this.#blocks++;
    this.#flow = flow;
    this.#flowBlock = block;
    if (flow === 'refusal') {
      this.#refused = true;
      out({ type: 'open', block, content: { type: 'refusal', text: '' } });
    } else if (flow === 'text') {
      out({ type: 'open', block, content: { type: 'text', text: '', cache: null } });
    } else {
      out({ type: 'open', block, content: { type: 'reasoning', text: '', seal: null } });
    }
  }

  #close(out: Out): void {
    if (this.#flow === null) return;
    this.#flow = null;
    out({ type: 'close', block: this.#flowBlock });
  }

  /** A seal ends its block. */
  #details(details: readonly unknown[], out: Out): void {
    for (const item of details) {
      const { text, seal } = readDetail(asObject(item, 'reasoning_details'), 'reasoning_details');
      this.#text('reasoning', text, out);
      if (!seal) continue;
      if (this.#flow !== 'reasoning') this.#open('reasoning', out);
      out({ type: 'seal', block: this.#flowBlock, seal });
      this.#close(out);
    }
  }

  #call(value: unknown, position: number, out: Out): void {
    const from = asObject(value, 'choices[0].delta.tool_calls');
    const index = typeof from.index === 'number' ? from.index : position;
    const id = from.id;
    const custom = from.custom;
    const what = isObject(custom) ? custom : from.function;
    const name = isObject(what) ? what.name : undefined;
    let call = this.#calls.get(index);
    // Some servers give every call the index 0.
    const another = call && typeof id === 'string' && id !== '' && id !== call.id;
    if (!call || (another && typeof name === 'string' && name !== '')) {
      this.#close(out);
      if (call) this.#older.push(call);
      call = this.#startCall(id, typeof name === 'string' ? name : '', isObject(custom), out);
      this.#calls.set(index, call);
    }
    const text = isObject(what) ? (what.arguments ?? what.input) : null;
    if (typeof text !== 'string' || text === '') return;
    call.empty = false;
    out({ type: 'delta', block: call.block, text });
  }

  #startCall(given: unknown, name: string, custom: boolean, out: Out): Call {
    const block = this.#blocks++;
    const id = typeof given === 'string' && given !== '' ? given : mintedToolId(this.#id, block);
    const content = { type: 'tool_call', id, name, namespace: null, input: '', custom } as const;
    out({ type: 'open', block, content: { ...content, cache: null } });
    return { block, id, custom, empty: true };
  }

  #finish(out: Out): void {
    this.#over = true;
    this.#close(out);
    for (const { block, empty, custom } of [...this.#older, ...this.#calls.values()]) {
      if (empty && !custom) out({ type: 'delta', block, text: '{}' });
      out({ type: 'close', block });
    }
    const finish = chatFinish(this.#raw, this.#refused);
    if (finish.reason === 'error') this.#fail(failedAnswer(finish.raw), out);
    else out({ type: 'finish', finish, usage: this.#usage });
  }

  #fail(error: ReturnType<typeof toError>, out: Out): void {
    this.#over = true;
    out({ type: 'error', error });
  }
}
