import type { StreamReader } from '../codec.js';
import {
  asObject,
  needText,
  objectAt,
  parseText,
  textAt,
  WrongField,
} from '../conversation/read.js';
import type { JsonObject, OpenBlock, Part } from '../conversation.js';
import type { SseEvent } from '../sse.js';
import { isCall, readResponseUsage } from './response-calls.js';
import { responseError, responsesFinish } from './responses-answer.js';
import { readOutputItem, summaryBreak } from './responses-items.js';
import { toError } from './shared.js';

type Out = (part: Part) => void;

interface Open {
  block: number;
  /** True until a delta arrives; the end of the item then brings the whole text. */
  empty: boolean;
  /** The latest part of the summary. */
  summary: number;
}

export class ResponsesStreamReader implements StreamReader {
  #blocks = 0;
  /** Open blocks, by `place` of their item and part. */
  readonly #open = new Map<number, Open>();
  /** Kinds of all blocks, from which the finish reason is derived. */
  readonly #kinds = new Set<string>();
  /** Items that are charged for, which the last event may leave out. */
  readonly #calls: JsonObject[] = [];
  #over = false;

  push(event: SseEvent, out: Out): void {
    if (this.#over || event.data === '[DONE]') return;
    const from = parseText(event.data, '');
    switch (from.type) {
      case 'response.output_text.delta':
        this.#delta(from, place(from, 'content_index'), text, out);
        break;
      case 'response.refusal.delta':
        this.#delta(from, place(from, 'content_index'), refusal, out);
        break;
      case 'response.function_call_arguments.delta':
      case 'response.custom_tool_call_input.delta':
        this.#delta(from, place(from, null), null, out);
        break;
      case 'response.reasoning_summary_text.delta':
        this.#reasoning(from, from.summary_index, out);
        break;
      case 'response.reasoning_text.delta':
        this.#reasoning(from, from.content_index, out);
        break;
      case 'response.created': {
        const response = asObject(from.response, 'response');
        const id = textAt(response, 'id', 'response');
        out({ type: 'start', id, model: textAt(response, 'model', 'response') });
        break;
      }
      case 'response.output_item.added':
        this.#added(from, out);
        break;
      case 'response.content_part.done':
        this.#partDone(from, out);
        break;
      case 'response.output_item.done':
        this.#itemDone(from, out);
        break;
      case 'response.completed':
      case 'response.incomplete':
      case 'response.failed':
        this.#finish(asObject(from.response, 'response'), out);
        break;
      case 'error':
        this.#over = true;
        // Compatible servers nest it as in an error body.
        out({ type: 'error', error: toError(objectAt(from, 'error', '') ?? from, 0) });
    }
  }

  /** Without `response.completed` or an equivalent the answer is incomplete. */
  end(): void {}

  #begin(at: number, content: OpenBlock, out: Out): Open {
    const open = { block: this.#blocks++, empty: true, summary: 0 };
    this.#open.set(at, open);
    this.#kinds.add(content.type);
    out({ type: 'open', block: open.block, content });
    return open;
  }

  /** @param content begins the block if nothing else did; null where something must have. */
  #delta(from: JsonObject, at: number, content: OpenBlock | null, out: Out): void {
    const open = this.#open.get(at) ?? (content && this.#begin(at, { ...content }, out));
    if (!open) throw new WrongField('output_index', 'is of no open item');
    open.empty = false;
    out({ type: 'delta', block: open.block, text: needText(from, 'delta', '') });
  }

  #reasoning(from: JsonObject, index: unknown, out: Out): void {
    const at = place(from, null);
    const open = this.#open.get(at) ?? this.#begin(at, { ...thought }, out);
    if (typeof index === 'number' && index > open.summary) {
      open.summary = index;
      if (!open.empty) out({ type: 'delta', block: open.block, text: summaryBreak });
    }
    this.#delta(from, at, null, out);
  }

  #added(from: JsonObject, out: Out): void {
    const item = asObject(from.item, 'item');
    const type = needText(item, 'type', 'item');
    if (type === 'reasoning') {
      this.#begin(place(from, null), { ...thought }, out);
      return;
    }
    if (type !== 'function_call' && type !== 'custom_tool_call') return;
    const [call] = readOutputItem(item, type, 'item');
    if (call?.type === 'tool_call') this.#begin(place(from, null), { ...call, input: '' }, out);
  }

  #partDone(from: JsonObject, out: Out): void {
    const part = asObject(from.part, 'part');
    if (part.type !== 'output_text' && part.type !== 'refusal') return;
    this.#textDone(part, place(from, 'content_index'), out);
  }

  /** Emits text that no delta has brought. */
  #textDone(part: JsonObject, at: number, out: Out): void {
    const refused = part.type === 'refusal';
    const whole = textAt(part, refused ? 'refusal' : 'text', 'part') ?? '';
    const open = this.#open.get(at);
    if (!open && whole === '') return;
    const { block, empty } = open ?? this.#begin(at, { ...(refused ? refusal : text) }, out);
    if (empty && whole !== '') out({ type: 'delta', block, text: whole });
    this.#close(at, block, out);
  }

  #close(at: number, block: number, out: Out): void {
    this.#open.delete(at);
    out({ type: 'close', block });
  }

  #itemDone(from: JsonObject, out: Out): void {
    const item = asObject(from.item, 'item');
    const type = needText(item, 'type', 'item');
    const at = place(from, null);
    if (isCall(item)) this.#calls.push(item);
    if (type === 'message') {
      // Servers that announce no parts end them here.
      for (const [key, { block }] of [...this.#open]) {
        if (key > at && key < at + maxParts) this.#close(key, block, out);
      }
      return;
    }
    const [done] = readOutputItem(item, type, 'item');
    if (!done) return;
    if (done.type === 'unknown') {
      const { block } = this.#begin(at, done, out);
      this.#close(at, block, out);
      return;
    }
    if (done.type === 'tool_call') {
      const open = this.#open.get(at) ?? this.#begin(at, { ...done, input: '' }, out);
      if (open.empty && done.input !== '') {
        out({ type: 'delta', block: open.block, text: done.input });
      }
      this.#close(at, open.block, out);
    } else if (done.type === 'reasoning') {
      const open = this.#open.get(at) ?? this.#begin(at, { ...thought }, out);
      if (open.empty && done.text !== '') {
        out({ type: 'delta', block: open.block, text: done.text });
      }
      if (done.seal) out({ type: 'seal', block: open.block, seal: done.seal });
      this.#close(at, open.block, out);
    }
  }

  #finish(response: JsonObject, out: Out): void {
    this.#over = true;
    const finish = responsesFinish(response, this.#kinds);
    const error = responseError(response, finish);
    if (error) out({ type: 'error', error });
    else out({ type: 'finish', finish, usage: readResponseUsage(response, this.#calls) });
  }
}

const text: OpenBlock = { type: 'text', text: '', cache: null };
const refusal: OpenBlock = { type: 'refusal', text: '' };
const thought: OpenBlock = { type: 'reasoning', text: '', seal: null };

/** More parts than any item has. */
const maxParts = 4096;

/** A sort key for items and their parts: parts follow their item. */
function place(from: JsonObject, part: 'content_index' | null): number {
  const item = from.output_index;
  if (typeof item !== 'number') throw new WrongField('output_index', 'must be a number');
  if (part === null) return item * maxParts;
  const index = from[part];
  if (typeof index !== 'number') throw new WrongField(part, 'must be a number');
  return item * maxParts + 1 + index;
}
