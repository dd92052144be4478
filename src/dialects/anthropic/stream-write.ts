import type { StreamWriter } from '../codec.js';
import { mintedId } from '../conversation/tool-ids.js';
import type { Finish, OpenBlock, Part, Seal, Usage } from '../conversation.js';
import { writeAnswerBlock, writeMessagesUsage, writeStop } from './answer.js';
import { writeMessagesError } from './error.js';

type Delta = 'text_delta' | 'thinking_delta' | 'input_json_delta';

/** Blocks are written one at a time, so at most one index and one kind of delta are open. */
export class MessagesStreamWriter implements StreamWriter {
  readonly #model: string;
  readonly #requestId: string | undefined;
  /** Number of blocks written so far: indexes have no gap. */
  #index = -1;
  #before = '';
  #after = '';
  #open = false;
  /** The text of a custom tool, which becomes a function's argument. */
  #custom: string | null = null;
  /** Thoughts of unknown kind, until their text or seal arrives. */
  #thought = false;

  constructor(model: string, requestId?: string) {
    this.#model = model;
    this.#requestId = requestId;
  }

  push(part: Part): string | null {
    switch (part.type) {
      case 'delta':
        return this.#delta(part.text);
      case 'start':
        return this.#start(part.id);
      case 'open':
        return this.#openBlock(part.content);
      case 'seal':
        return this.#seal(part.seal);
      case 'close':
        return this.#close();
      case 'finish':
        return this.#finish(part.finish, part.usage);
      case 'error':
        return `event: error\ndata: ${writeMessagesError(part.error, this.#requestId)}\n\n`;
      case 'ping':
        return 'event: ping\ndata: {"type":"ping"}\n\n';
    }
  }

  #start(id: string | null): string {
    const message = {
      id: id ?? mintedId('msg_'),
      type: 'message',
      role: 'assistant',
      model: this.#model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: writeMessagesUsage(null),
    };
    return `event: message_start\ndata: ${JSON.stringify({ type: 'message_start', message })}\n\n`;
  }

  #openBlock(content: OpenBlock): string | null {
    this.#custom = null;
    switch (content.type) {
      case 'text':
      case 'refusal':
        return this.#begin('{"type":"text","text":""}', 'text_delta', 'text');
      case 'reasoning':
        this.#thought = true;
        return null;
      case 'tool_call': {
        if (content.custom) this.#custom = '';
        const written = { ...writeAnswerBlock(content), input: {} };
        return this.#begin(JSON.stringify(written), 'input_json_delta', 'partial_json');
      }
      case 'unknown': {
        const written = writeAnswerBlock(content);
        return written && this.#begin(JSON.stringify(written), 'text_delta', 'text');
      }
    }
  }

  #begin(block: string, delta: Delta, field: string): string {
    const index = ++this.#index;
    this.#open = true;
    this.#before =
      'event: content_block_delta\ndata: {"type":"content_block_delta",' +
      `"index":${index},"delta":{"type":"${delta}","${field}":`;
    this.#after = '}}\n\n';
    return (
      'event: content_block_start\ndata: {"type":"content_block_start",' +
      `"index":${index},"content_block":${block}}\n\n`
    );
  }

  #delta(text: string): string | null {
    if (this.#custom !== null) {
      this.#custom += text;
      return null;
    }
    const begin = this.#thought ? this.#beginThought() : '';
    return this.#open ? begin + this.#before + JSON.stringify(text) + this.#after : null;
  }

  #beginThought(): string {
    this.#thought = false;
    const block = '{"type":"thinking","thinking":"","signature":""}';
    return this.#begin(block, 'thinking_delta', 'thinking');
  }

  #seal(seal: Seal): string | null {
    if (this.#thought && seal.slot === 'redacted') {
      this.#thought = false;
      const block = JSON.stringify({ type: 'redacted_thinking', data: seal.data });
      return this.#begin(block, 'text_delta', 'text');
    }
    const begin = this.#thought ? this.#beginThought() : '';
    if (!this.#open) return null;
    return (
      `${begin}event: content_block_delta\ndata: {"type":"content_block_delta",` +
      `"index":${this.#index},"delta":{"type":"signature_delta",` +
      `"signature":${JSON.stringify(seal.data)}}}\n\n`
    );
  }

  #close(): string | null {
    let text = '';
    if (this.#custom !== null) {
      const whole = JSON.stringify({ input: this.#custom });
      this.#custom = null;
      text = this.#before + JSON.stringify(whole) + this.#after;
    }
    this.#thought = false;
    if (!this.#open) return text || null;
    this.#open = false;
    return (
      `${text}event: content_block_stop\ndata: {"type":"content_block_stop",` +
      `"index":${this.#index}}\n\n`
    );
  }

  #finish(finish: Finish, usage: Usage | null): string {
    const delta = {
      type: 'message_delta',
      delta: writeStop(finish),
      usage: writeMessagesUsage(usage),
    };
    return (
      `event: message_delta\ndata: ${JSON.stringify(delta)}\n\n` +
      'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    );
  }
}
