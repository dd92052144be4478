import type { StreamWriter } from '../codec.js';
import { mintedId } from '../conversation/tool-ids.js';
import type {
  Block,
  ConversationError,
  Finish,
  JsonObject,
  OpenBlock,
  Part,
  Seal,
  Usage,
} from '../conversation.js';
import { missingRefusal } from './chat-answer.js';
import {
  responsesErrorCode,
  writeOutputItem,
  writeResponse,
  writeTextPart,
} from './responses-answer.js';

/**
 * Each block is an item. Streamed content is repeated whole at the end of the item and of the
 * response, so it is kept until then.
 */
export class ResponsesStreamWriter implements StreamWriter {
  readonly #model: string;
  #id = '';
  #sequence = 0;
  readonly #output: JsonObject[] = [];
  /** The open block so far, and its item. */
  #block: Exclude<OpenBlock, { type: 'unknown' }> | null = null;
  #item: JsonObject = {};
  #text = '';
  #deltaHead = '';
  #refused = false;
  /** True once some of the open reasoning's summary was written. */
  #summary = false;

  constructor(model: string) {
    this.#model = model;
  }

  push(part: Part): string | null {
    switch (part.type) {
      case 'delta':
        return this.#delta(part.text);
      case 'start':
        return this.#start(part.id);
      case 'open':
        return this.#open(part.content);
      case 'seal':
        this.#seal(part.seal);
        return null;
      case 'close':
        return this.#close();
      case 'finish':
        return this.#finish(part.finish, part.usage);
      case 'error':
        return this.#fail(part.error);
      case 'ping':
        return ': ping\n\n';
    }
  }

  #event(type: string, fields: JsonObject): string {
    const data = { type, sequence_number: this.#sequence++, ...fields };
    return `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
  }

  #response(finish: Finish | null, usage: Usage | null): JsonObject {
    return writeResponse(this.#id, this.#model, this.#output, finish, usage);
  }

  #start(id: string | null): string {
    this.#id = id ?? mintedId('resp_');
    const response = this.#response(null, null);
    return (
      this.#event('response.created', { response }) +
      this.#event('response.in_progress', { response })
    );
  }

  #open(content: OpenBlock): string | null {
    const item = writeOutputItem(content);
    if (!item) return null;
    this.#item = item;
    this.#text = '';
    const place = { output_index: this.#output.length };
    if (content.type === 'unknown') {
      this.#output.push(item);
      return (
        this.#event('response.output_item.added', { ...place, item }) +
        this.#event('response.output_item.done', { ...place, item })
      );
    }
    this.#block = content;
    this.#summary = false;
    const running: JsonObject = { ...item, status: 'in_progress' };
    if (content.type === 'reasoning') delete running.status;
    if (item.type === 'message') running.content = [];
    const added = this.#event('response.output_item.added', { ...place, item: running });
    if (content.type === 'refusal') this.#refused = true;
    if (content.type === 'text' || content.type === 'refusal') {
      const part = writeTextPart(content.type, '');
      const name = content.type === 'text' ? 'output_text' : 'refusal';
      this.#setDelta(`response.${name}.delta`, '"content_index":0,');
      return added + this.#event('response.content_part.added', { ...this.#place(), part });
    }
    if (content.type === 'tool_call') {
      const name = content.custom ? 'custom_tool_call_input' : 'function_call_arguments';
      this.#setDelta(`response.${name}.delta`, '');
    } else this.#setDelta('response.reasoning_summary_text.delta', '"summary_index":0,');
    return added;
  }

  /** The index of the open block, and of a text's part. */
  #place(): JsonObject {
    const place: JsonObject = { item_id: this.#item.id, output_index: this.#output.length };
    if (this.#item.type === 'message') place.content_index = 0;
    return place;
  }

  #setDelta(type: string, index: string): void {
    const id = JSON.stringify(this.#item.id);
    const logprobs = type === 'response.output_text.delta' ? '"logprobs":[],' : '';
    this.#deltaHead =
      `event: ${type}\ndata: {"type":"${type}","item_id":${id},` +
      `"output_index":${this.#output.length},${index}${logprobs}"sequence_number":`;
  }

  #delta(text: string): string | null {
    if (!this.#block) return null;
    this.#text += text;
    const begin = this.#block.type === 'reasoning' && !this.#summary ? this.#beginSummary() : '';
    return `${begin}${this.#deltaHead}${this.#sequence++},"delta":${JSON.stringify(text)}}\n\n`;
  }

  #beginSummary(): string {
    this.#summary = true;
    const part = { type: 'summary_text', text: '' };
    const place = { ...this.#place(), summary_index: 0 };
    return this.#event('response.reasoning_summary_part.added', { ...place, part });
  }

  #seal(seal: Seal): void {
    if (this.#block?.type === 'reasoning') this.#block = { ...this.#block, seal };
  }

  #close(): string | null {
    const block = this.#block;
    if (!block) return null;
    this.#block = null;
    const whole: Block =
      block.type === 'tool_call' ? { ...block, input: this.#text } : { ...block, text: this.#text };
    const id = block.type === 'reasoning' && block.seal?.id ? block.seal.id : this.#item.id;
    const item: JsonObject = { ...writeOutputItem(whole), id };
    const ended = this.#ended(block);
    const done = this.#event('response.output_item.done', {
      output_index: this.#output.length,
      item,
    });
    this.#output.push(item);
    return ended + done;
  }

  /** Ends the part of an item that has deltas. */
  #ended(block: Exclude<OpenBlock, { type: 'unknown' }>): string {
    const place = this.#place();
    const text = this.#text;
    switch (block.type) {
      case 'text':
      case 'refusal': {
        const part = writeTextPart(block.type, text);
        const [type, fields] =
          block.type === 'text'
            ? ['response.output_text.done', { text, logprobs: [] }]
            : ['response.refusal.done', { refusal: text }];
        return (
          this.#event(type as string, { ...place, ...(fields as JsonObject) }) +
          this.#event('response.content_part.done', { ...place, part })
        );
      }
      case 'tool_call':
        return block.custom
          ? this.#event('response.custom_tool_call_input.done', { ...place, input: text })
          : this.#event('response.function_call_arguments.done', {
              ...place,
              name: block.name,
              arguments: text,
            });
      case 'reasoning': {
        if (!this.#summary) return '';
        const part = { type: 'summary_text', text };
        const summary = { ...place, summary_index: 0 };
        return (
          this.#event('response.reasoning_summary_text.done', { ...summary, text }) +
          this.#event('response.reasoning_summary_part.done', { ...summary, part })
        );
      }
    }
  }

  #finish(finish: Finish, usage: Usage | null): string {
    let text = '';
    const refusal = this.#refused ? null : missingRefusal(finish, []);
    if (refusal !== null) {
      text += this.#open({ type: 'refusal', text: '' }) ?? '';
      text += this.#delta(refusal) ?? '';
      text += this.#close() ?? '';
    }
    const response = this.#response(finish, usage);
    const type = response.status === 'completed' ? 'response.completed' : 'response.incomplete';
    return text + this.#event(type, { response });
  }

  /** Some clients read one of them, some the other. */
  #fail(error: ConversationError): string {
    const code = responsesErrorCode(error);
    const { message, param } = error;
    const response = { ...this.#response(null, null), status: 'failed', error: { code, message } };
    return (
      this.#event('error', { code, message, param }) + this.#event('response.failed', { response })
    );
  }
}
