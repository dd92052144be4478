import type { StreamWriter } from '../codec.js';
import { mintedId, secondsNow } from '../conversation/tool-ids.js';
import { dashedNames, targetToolName } from '../conversation/tool-names.js';
import type { OpenBlock, Part, Usage } from '../conversation.js';
import { chatFinishWord, missingRefusal, writeChatUsage } from './chat-answer.js';
import { writeDetail } from './chat-reasoning.js';
import { writeOpenaiError } from './shared.js';

/** Chunks are assembled as text: constant parts are serialized once. */
export class ChatStreamWriter implements StreamWriter {
  readonly #model: string;
  readonly #usage: boolean;
  #head = '';
  /** The text around a delta of each open block, by its number. */
  readonly #open = new Map<number, { before: string; after: string }>();
  #calls = 0;
  #refused = false;

  constructor(model: string, usage: boolean) {
    this.#model = model;
    this.#usage = usage;
  }

  push(part: Part): string | null {
    switch (part.type) {
      case 'delta': {
        const open = this.#open.get(part.block);
        return open ? open.before + JSON.stringify(part.text) + open.after : null;
      }
      case 'start':
        return this.#start(part.id);
      case 'open':
        return this.#openBlock(part.block, part.content);
      case 'seal': {
        const detail = writeDetail({ type: 'reasoning', text: '', seal: part.seal });
        return this.#chunk(`{"reasoning_details":[${JSON.stringify(detail)}]}`);
      }
      case 'close':
        this.#open.delete(part.block);
        return null;
      case 'finish':
        return this.#finish(part);
      case 'error':
        return `data: ${writeOpenaiError(part.error)}\n\n`;
      case 'ping':
        return ': ping\n\n';
    }
  }

  #start(id: string | null): string {
    const fixed = JSON.stringify({
      id: id ?? mintedId('chatcmpl-'),
      object: 'chat.completion.chunk',
      created: secondsNow(),
      model: this.#model,
    });
    this.#head = `data: ${fixed.slice(0, -1)},"choices":[`;
    return this.#chunk('{"role":"assistant","content":""}');
  }

  #chunk(delta: string, finish = 'null'): string {
    return `${this.#head}{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${finish}}]}\n\n`;
  }

  #openBlock(block: number, content: OpenBlock): string | null {
    const name =
      content.type === 'text'
        ? 'content'
        : content.type === 'refusal'
          ? 'refusal'
          : content.type === 'reasoning'
            ? 'reasoning_content'
            : null;
    if (name) {
      if (content.type === 'refusal') this.#refused = true;
      this.#remember(block, `{"${name}":`, '}');
    }
    if (content.type !== 'tool_call') return null;
    const index = this.#calls++;
    const [kind, input] = content.custom ? ['custom', 'input'] : ['function', 'arguments'];
    this.#remember(block, `{"tool_calls":[{"index":${index},"${kind}":{"${input}":`, '}}]}');
    const what = { name: targetToolName(content, dashedNames), [input as string]: '' };
    const call = { index, id: content.id, type: kind, [kind as string]: what };
    return this.#chunk(`{"tool_calls":[${JSON.stringify(call)}]}`);
  }

  #remember(block: number, before: string, after: string): void {
    this.#open.set(block, {
      before: `${this.#head}{"index":0,"delta":${before}`,
      after: `${after},"logprobs":null,"finish_reason":null}]}\n\n`,
    });
  }

  #finish({
    finish,
    usage,
  }: {
    finish: Parameters<typeof chatFinishWord>[0];
    usage: Usage | null;
  }) {
    let text = '';
    const refusal = this.#refused ? null : missingRefusal(finish, []);
    if (refusal !== null) text += this.#chunk(`{"refusal":${JSON.stringify(refusal)}}`);
    text += this.#chunk('{}', JSON.stringify(chatFinishWord(finish)));
    if (this.#usage && usage) {
      text += `${this.#head}],"usage":${JSON.stringify(writeChatUsage(usage))}}\n\n`;
    }
    return `${text}data: [DONE]\n\n`;
  }
}
