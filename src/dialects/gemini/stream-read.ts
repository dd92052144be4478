import type { StreamReader } from '../codec.js';
import { isObject, parseText, textAt } from '../conversation/read.js';
import type { Block, JsonObject, Part } from '../conversation.js';
import { failedAnswer } from '../errors/conversation-error.js';
import type { SseEvent } from '../sse.js';
import {
  AnswerCallIds,
  generateFinish,
  promptBlock,
  readGenerateUsage,
  webQueries,
} from './answer.js';
import { toGenerateError } from './error.js';
import { readPart } from './parts-read.js';
import { asProto, protoAt } from './proto.js';

type Out = (part: Part) => void;

/** Each event is a piece of the answer; text continues over events, calls arrive whole. */
export class GenerateStreamReader implements StreamReader {
  #blocks = 0;
  #started = false;
  #over = false;
  #flow: 'text' | 'reasoning' | null = null;
  #flowBlock = 0;
  #called = false;
  #ids = new AnswerCallIds(null);
  #raw: string | null = null;
  #detail: string | null = null;
  #usage: JsonObject | null = null;
  readonly #queries = new Set<unknown>();

  push(event: SseEvent, out: Out): void {
    if (this.#over) return;
    const chunk = asProto(parseText(event.data, ''), '');
    if (isObject(chunk.error)) {
      this.#over = true;
      out({ type: 'error', error: toGenerateError(chunk.error, 0) });
      return;
    }
    if (!this.#started) this.#start(chunk, out);
    const candidates = chunk.candidates;
    const candidate = Array.isArray(candidates) ? candidates[0] : undefined;
    if (isObject(candidate)) this.#candidate(candidate, out);
    this.#usage = protoAt(chunk, 'usageMetadata', '') ?? this.#usage;
    for (const query of webQueries(chunk)) this.#queries.add(query);
    const blocked = promptBlock(chunk);
    if (blocked && this.#raw === null) {
      this.#raw = blocked.raw;
      this.#detail = blocked.detail;
    }
  }

  /** There is no last event: an answer with a finish reason is complete. */
  end(out: Out): void {
    if (this.#over || this.#raw === null) return;
    this.#over = true;
    this.#close(out);
    const finish = generateFinish(this.#raw, this.#detail, this.#called);
    if (finish.reason === 'error') out({ type: 'error', error: failedAnswer(finish.raw) });
    else {
      const usage = readGenerateUsage(this.#usage, this.#queries.size);
      out({ type: 'finish', finish, usage });
    }
  }

  #start(chunk: JsonObject, out: Out): void {
    this.#started = true;
    const id = textAt(chunk, 'responseId', '');
    this.#ids = new AnswerCallIds(id);
    out({ type: 'start', id, model: textAt(chunk, 'modelVersion', '') });
  }

  #candidate(given: JsonObject, out: Out): void {
    const candidate = asProto(given, 'candidates[0]');
    const { content } = candidate;
    const parts = isObject(content) ? content.parts : null;
    if (Array.isArray(parts)) {
      for (let i = 0; i < parts.length; i++) {
        for (const block of readPart(parts[i], 'candidates[0].content.parts', this.#ids)) {
          this.#block(block, out);
        }
      }
    }
    const raw = textAt(candidate, 'finishReason', 'candidates[0]');
    if (raw === null || raw === 'FINISH_REASON_UNSPECIFIED') return;
    this.#raw = raw;
    this.#detail = textAt(candidate, 'finishMessage', 'candidates[0]');
  }

  #block(block: Block, out: Out): void {
    switch (block.type) {
      case 'text':
        this.#text('text', block.text, out);
        return;
      case 'reasoning': {
        const { seal, text } = block;
        if (seal && seal.slot !== 'thought') {
          this.#whole({ ...block, seal: null }, out, (number) => {
            out({ type: 'seal', block: number, seal });
          });
          return;
        }
        this.#text('reasoning', text, out);
        if (!seal) return;
        // A seal ends its thought.
        if (this.#flow !== 'reasoning') this.#open('reasoning', out);
        out({ type: 'seal', block: this.#flowBlock, seal });
        this.#close(out);
        return;
      }
      case 'tool_call':
        this.#called = true;
        this.#whole({ ...block, input: '' }, out, (number) => {
          out({ type: 'delta', block: number, text: block.input });
        });
        return;
      case 'unknown':
        this.#whole(block, out, () => {});
    }
  }

  #whole(
    content: Extract<Part, { type: 'open' }>['content'],
    out: Out,
    fill: (block: number) => void,
  ): void {
    this.#close(out);
    const block = this.#blocks++;
    out({ type: 'open', block, content });
    fill(block);
    out({ type: 'close', block });
  }

  #text(flow: 'text' | 'reasoning', text: string, out: Out): void {
    if (text === '') return;
    if (this.#flow !== flow) this.#open(flow, out);
    out({ type: 'delta', block: this.#flowBlock, text });
  }

  #open(flow: 'text' | 'reasoning', out: Out): void {
    this.#close(out);
    const block = this.#blocks++;
    this.#flow = flow;
    this.#flowBlock = block;
    if (flow === 'text')
      out({ type: 'open', block, content: { type: 'text', text: '', cache: null } });
    else out({ type: 'open', block, content: { type: 'reasoning', text: '', seal: null } });
  }

  #close(out: Out): void {
    if (this.#flow === null) return;
    this.#flow = null;
    out({ type: 'close', block: this.#flowBlock });
  }
}
