import type { StreamReader } from '../codec.js';
import {
  asObject,
  isObject,
  needText,
  objectAt,
  parseText,
  textAt,
  WrongField,
} from '../conversation/read.js';
import type { Block, JsonObject, OpenBlock, Part, Usage } from '../conversation.js';
import type { SseEvent } from '../sse.js';
import { messagesFinish, readMessagesUsage } from './answer.js';
import { readBlock, seal } from './block-read.js';
import { toMessagesError } from './error.js';

type Out = (part: Part) => void;

interface Open {
  block: number;
  /** A call without arguments so far. */
  emptyCall: boolean;
  /** The arguments of a call that arrives whole, in the start of its block. */
  input: string;
}

export class MessagesStreamReader implements StreamReader {
  #blocks = 0;
  readonly #open = new Map<unknown, Open>();
  #usage: JsonObject = {};
  #delta: JsonObject | null = null;
  #over = false;

  push(event: SseEvent, out: Out): void {
    if (this.#over) return;
    const from = parseText(event.data, '');
    switch (from.type) {
      case 'content_block_delta':
        this.#deltaOf(from, out);
        break;
      case 'message_start': {
        const message = asObject(from.message, 'message');
        this.#addUsage(objectAt(message, 'usage', 'message'));
        const id = textAt(message, 'id', 'message');
        out({ type: 'start', id, model: textAt(message, 'model', 'message') });
        break;
      }
      case 'content_block_start':
        this.#start(from, out);
        break;
      case 'content_block_stop':
        this.#stop(from.index, out);
        break;
      case 'message_delta':
        this.#delta = objectAt(from, 'delta', '');
        this.#addUsage(objectAt(from, 'usage', ''));
        break;
      case 'message_stop':
        this.#finish(out);
        break;
      case 'error':
        this.#over = true;
        out({ type: 'error', error: toMessagesError(asObject(from.error, 'error'), 0) });
        break;
      case 'ping':
        out({ type: 'ping' });
    }
  }

  /** Without `message_stop` the answer is incomplete. */
  end(): void {}

  /** Counts of `message_delta` are totals, and replace those of `message_start`. */
  #addUsage(usage: JsonObject | null): void {
    for (const key in usage) {
      if (usage[key] !== null) this.#usage[key] = usage[key];
    }
  }

  #start(from: JsonObject, out: Out): void {
    const given = readBlock(from.content_block, 'content_block', []);
    const block = this.#blocks++;
    const input = given.type === 'tool_call' && given.input !== '{}' ? given.input : '';
    this.#open.set(from.index, { block, emptyCall: given.type === 'tool_call', input });
    out({ type: 'open', block, content: opened(given) });
    // A compatible server may put everything into the start.
    if ((given.type === 'text' || given.type === 'reasoning') && given.text !== '') {
      out({ type: 'delta', block, text: given.text });
    }
    if (given.type === 'reasoning' && given.seal) out({ type: 'seal', block, seal: given.seal });
  }

  #deltaOf(from: JsonObject, out: Out): void {
    const open = this.#open.get(from.index);
    if (!open) throw new WrongField('index', 'is of no open block');
    const { delta } = from;
    if (!isObject(delta)) throw new WrongField('delta', 'must be an object');
    const { block } = open;
    switch (delta.type) {
      case 'text_delta':
        out({ type: 'delta', block, text: needText(delta, 'text', 'delta') });
        break;
      case 'thinking_delta':
        out({ type: 'delta', block, text: needText(delta, 'thinking', 'delta') });
        break;
      case 'input_json_delta': {
        const text = needText(delta, 'partial_json', 'delta');
        if (text === '') break;
        open.emptyCall = false;
        out({ type: 'delta', block, text });
        break;
      }
      case 'signature_delta': {
        const data = needText(delta, 'signature', 'delta');
        if (data !== '') out({ type: 'seal', block, seal: seal('signature', data) });
      }
    }
  }

  #stop(index: unknown, out: Out): void {
    const open = this.#open.get(index);
    if (!open) throw new WrongField('index', 'is of no open block');
    this.#open.delete(index);
    const { block } = open;
    if (open.emptyCall) out({ type: 'delta', block, text: open.input || '{}' });
    out({ type: 'close', block });
  }

  #finish(out: Out): void {
    this.#over = true;
    const delta = this.#delta ?? {};
    const raw = textAt(delta, 'stop_reason', 'delta');
    const sequence = textAt(delta, 'stop_sequence', 'delta');
    const usage: Usage | null = readMessagesUsage(this.#usage);
    const finish = messagesFinish(raw, sequence, delta.stop_details);
    out({ type: 'finish', finish, usage });
  }
}

function opened(block: Block): OpenBlock {
  switch (block.type) {
    case 'text':
      return { ...block, text: '' };
    case 'reasoning':
      return { ...block, text: '', seal: null };
    case 'tool_call':
      return { ...block, input: '' };
    case 'unknown':
      return block;
  }
  throw new WrongField('content_block.type', `is '${block.type}', which no answer holds`);
}
