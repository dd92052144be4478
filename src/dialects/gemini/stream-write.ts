import type { StreamWriter } from '../codec.js';
import { mintedId } from '../conversation/tool-ids.js';
import type { Finish, JsonObject, Part, ToolCallBlock, Usage } from '../conversation.js';
import { generateFinishWord, PartWriter, writeGenerateUsage } from './answer.js';
import { writeGenerateError } from './error.js';

/**
 * Calls are written whole, at their end. There is no keepalive: a comment breaks Google's parser.
 */
export class GenerateStreamWriter implements StreamWriter {
  readonly #model: string;
  readonly #parts = new PartWriter();
  readonly #calls = new Map<number, ToolCallBlock>();
  /** Open thoughts; other open blocks are text. */
  readonly #thoughts = new Set<number>();
  #head = '';
  #tail = '';

  constructor(model: string) {
    this.#model = model;
  }

  push(part: Part): string | null {
    switch (part.type) {
      case 'delta':
        return this.#delta(part.block, part.text);
      case 'start':
        this.#start(part.id);
        return null;
      case 'open':
        if (part.content.type === 'tool_call') this.#calls.set(part.block, { ...part.content });
        else if (part.content.type === 'reasoning') this.#thoughts.add(part.block);
        else if (part.content.type === 'unknown') {
          const written = this.#parts.write(part.content);
          return written && this.#chunk(JSON.stringify(written));
        }
        return null;
      case 'seal': {
        const written = this.#parts.write({ type: 'reasoning', text: '', seal: part.seal });
        return written && this.#chunk(JSON.stringify(written));
      }
      case 'close': {
        this.#thoughts.delete(part.block);
        const call = this.#calls.get(part.block);
        if (!call) return null;
        this.#calls.delete(part.block);
        return this.#chunk(JSON.stringify(this.#parts.write(call)));
      }
      case 'finish':
        return this.#finish(part.finish, part.usage);
      case 'error':
        return `data: ${writeGenerateError(part.error)}\n\n`;
      case 'ping':
        return null;
    }
  }

  #start(id: string | null): void {
    const rest = JSON.stringify({ modelVersion: this.#model, responseId: id ?? mintedId('') });
    this.#head = 'data: {"candidates":[{"content":{"parts":[';
    this.#tail = `],"role":"model"},"index":0}],${rest.slice(1)}\n\n`;
  }

  #chunk(part: string): string {
    return this.#head + part + this.#tail;
  }

  #delta(block: number, text: string): string | null {
    const call = this.#calls.get(block);
    if (call) {
      call.input += text;
      return null;
    }
    const thought = this.#thoughts.has(block) ? ',"thought":true' : '';
    return this.#chunk(`{"text":${JSON.stringify(text)}${thought}}`);
  }

  #finish(finish: Finish, usage: Usage | null): string {
    const parts: JsonObject[] = [{ text: '' }, ...this.#parts.rest()];
    const more: JsonObject = { finishReason: generateFinishWord(finish) };
    if (finish.detail !== null) more.finishMessage = finish.detail;
    const usageMetadata = JSON.stringify(writeGenerateUsage(usage));
    return (
      this.#head +
      JSON.stringify(parts).slice(1, -1) +
      this.#tail.replace(
        '"index":0}],',
        () => `${JSON.stringify(more).slice(1, -1)},"index":0}],"usageMetadata":${usageMetadata},`,
      )
    );
  }
}
