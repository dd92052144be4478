import type {
  Block,
  ConversationAnswer,
  ConversationError,
  Finish,
  Part,
  Usage,
} from '../conversation.js';

/** Collects the parts of a stream into a whole answer. */
export class Fold {
  readonly #blocks = new Map<number, Block>();
  #id: string | null = null;
  #model: string | null = null;
  #finish: Finish | null = null;
  #usage: Usage | null = null;
  #error: ConversationError | null = null;

  push(part: Part): void {
    switch (part.type) {
      case 'start':
        this.#id = part.id;
        this.#model = part.model;
        break;
      case 'open':
        this.#blocks.set(part.block, { ...part.content });
        break;
      case 'delta': {
        const block = this.#blocks.get(part.block);
        if (block?.type === 'tool_call') block.input += part.text;
        else if (block && 'text' in block) block.text += part.text;
        break;
      }
      case 'seal': {
        const block = this.#blocks.get(part.block);
        if (block?.type === 'reasoning') block.seal = part.seal;
        break;
      }
      case 'finish':
        this.#finish = part.finish;
        this.#usage = part.usage;
        break;
      case 'error':
        this.#error = part.error;
        break;
      case 'close':
      case 'ping':
    }
  }

  /** Null for a stream that ended before its answer did. */
  get answer(): ConversationAnswer | null {
    if (!this.#finish && !this.#error) return null;
    return {
      id: this.#id,
      model: this.#model,
      content: [...this.#blocks.values()],
      finish: this.#finish ?? { reason: 'error', raw: null, sequence: null, detail: null },
      usage: this.#usage,
      error: this.#error,
    };
  }
}

/** A whole answer as the parts of a stream. */
export function unfold(answer: ConversationAnswer): Part[] {
  const parts: Part[] = [{ type: 'start', id: answer.id, model: answer.model }];
  answer.content.forEach((content, block) => {
    if (content.type === 'media' || content.type === 'tool_result') return;
    if (content.type === 'unknown') {
      parts.push({ type: 'open', block, content }, { type: 'close', block });
      return;
    }
    if (content.type === 'tool_call') {
      parts.push({ type: 'open', block, content: { ...content, input: '' } });
      if (content.input !== '') parts.push({ type: 'delta', block, text: content.input });
    } else if (content.type === 'reasoning') {
      parts.push({ type: 'open', block, content: { ...content, text: '', seal: null } });
      if (content.text !== '') parts.push({ type: 'delta', block, text: content.text });
      if (content.seal) parts.push({ type: 'seal', block, seal: content.seal });
    } else {
      parts.push({ type: 'open', block, content: { ...content, text: '' } });
      if (content.text !== '') parts.push({ type: 'delta', block, text: content.text });
    }
    parts.push({ type: 'close', block });
  });
  parts.push(
    answer.error
      ? { type: 'error', error: answer.error }
      : { type: 'finish', finish: answer.finish, usage: answer.usage },
  );
  return parts;
}
