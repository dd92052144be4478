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
import type { Finish, JsonObject, OpenBlock, Part, Usage } from '../conversation.js';
import { failedAnswer } from '../errors/conversation-error.js';
import type { SseEvent } from '../sse.js';
import { converseFinish, readConverseUsage } from './answer.js';
import { readCall, seal } from './block-read.js';
import { toConverseError } from './error.js';

type Out = (part: Part) => void;

interface Open {
  block: number;
  emptyCall: boolean;
}

const text: OpenBlock = { type: 'text', text: '', cache: null };
const thought: OpenBlock = { type: 'reasoning', text: '', seal: null };

/** Only calls are announced; other blocks begin with their first delta. */
export class ConverseStreamReader implements StreamReader {
  #blocks = 0;
  readonly #open = new Map<unknown, Open>();
  #finish: Finish | null = null;
  #usage: Usage | null = null;
  #over = false;

  push(event: SseEvent, out: Out): void {
    if (this.#over) return;
    const from = parseText(event.data, '');
    switch (event.event) {
      case 'contentBlockDelta':
        this.#delta(from, out);
        break;
      case 'contentBlockStart':
        this.#start(from, out);
        break;
      case 'contentBlockStop':
        this.#stop(from.contentBlockIndex, out);
        break;
      case 'messageStart':
        out({ type: 'start', id: null, model: null });
        break;
      case 'messageStop':
        this.#finish = converseFinish(textAt(from, 'stopReason', ''));
        break;
      case 'metadata':
        this.#usage = readConverseUsage(objectAt(from, 'usage', ''));
        this.#end(out);
        break;
      default:
        if (!/exception$|error$/i.test(event.event)) return;
        this.#over = true;
        out({
          type: 'error',
          error: toConverseError(event.event, textAt(from, 'message', ''), 0),
        });
    }
  }

  end(out: Out): void {
    if (!this.#over) this.#end(out);
  }

  #begin(index: unknown, content: OpenBlock, out: Out): Open {
    const open = { block: this.#blocks++, emptyCall: content.type === 'tool_call' };
    this.#open.set(index, open);
    out({ type: 'open', block: open.block, content });
    return open;
  }

  #start(from: JsonObject, out: Out): void {
    const start = asObject(from.start, 'start');
    const call = objectAt(start, 'toolUse', 'start');
    if (!call) return;
    this.#begin(from.contentBlockIndex, { ...readCall(call, 'start.toolUse'), input: '' }, out);
  }

  #delta(from: JsonObject, out: Out): void {
    const { delta, contentBlockIndex: index } = from;
    if (!isObject(delta)) throw new WrongField('delta', 'must be an object');
    let open = this.#open.get(index);
    if (typeof delta.text === 'string') {
      open ??= this.#begin(index, { ...text }, out);
      out({ type: 'delta', block: open.block, text: delta.text });
    } else if (isObject(delta.toolUse)) {
      if (!open) throw new WrongField('contentBlockIndex', 'is of no open block');
      const input = needText(delta.toolUse, 'input', 'delta.toolUse');
      if (input === '') return;
      open.emptyCall = false;
      out({ type: 'delta', block: open.block, text: input });
    } else if (isObject(delta.reasoningContent)) {
      open ??= this.#begin(index, { ...thought }, out);
      this.#reasoning(delta.reasoningContent, open.block, out);
    }
  }

  #reasoning(from: JsonObject, block: number, out: Out): void {
    if (typeof from.text === 'string') out({ type: 'delta', block, text: from.text });
    else if (typeof from.signature === 'string') {
      out({ type: 'seal', block, seal: seal('signature', from.signature) });
    } else if (typeof from.redactedContent === 'string') {
      out({ type: 'seal', block, seal: seal('redacted', from.redactedContent) });
    }
  }

  #stop(index: unknown, out: Out): void {
    const open = this.#open.get(index);
    // An empty text was never begun.
    if (!open) return;
    this.#open.delete(index);
    if (open.emptyCall) out({ type: 'delta', block: open.block, text: '{}' });
    out({ type: 'close', block: open.block });
  }

  #end(out: Out): void {
    const finish = this.#finish;
    if (!finish) return;
    this.#over = true;
    if (finish.reason === 'error') out({ type: 'error', error: failedAnswer(finish.raw) });
    else out({ type: 'finish', finish, usage: this.#usage });
  }
}
