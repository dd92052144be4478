import type { RenamedTool } from '../codec.js';
import { isObject, toolInput } from '../conversation/read.js';
import {
  type Block,
  type ConversationAnswer,
  type Finish,
  type Part,
  type ToolCallBlock,
  textBlock,
} from '../conversation.js';

type Renamed = ReadonlyMap<string, RenamedTool>;

/** An answer with the client's names of tools, and with what only the target had as tools. */
export function restoreAnswer(answer: ConversationAnswer, renamed: Renamed): ConversationAnswer {
  const content = answer.content.map((block) => restoreBlock(block, renamed));
  const calls = content.some(({ type }) => type === 'tool_call');
  return { ...answer, content, finish: restoreFinish(answer.finish, calls) };
}

function restoreBlock(block: Block, renamed: Renamed): Block {
  const tool = block.type === 'tool_call' ? renamed.get(block.name) : undefined;
  if (block.type !== 'tool_call' || !tool) return block;
  if (tool.kind === 'format') return textBlock(block.input);
  const input = tool.kind === 'custom' ? customInput(block.input) : block.input;
  return { ...named(block, tool), input };
}

function named(call: ToolCallBlock, { name, namespace, kind }: RenamedTool): ToolCallBlock {
  return { ...call, name, namespace, custom: kind === 'custom' };
}

/** The text in the one argument that stands for it; all of it where the model gave another. */
function customInput(text: string): string {
  const input = toolInput(text);
  return isObject(input) && typeof input.input === 'string' ? input.input : text;
}

/** An answer in the form of a call ends as answers do. */
function restoreFinish(finish: Finish, calls: boolean): Finish {
  return finish.reason === 'tool_calls' && !calls ? { ...finish, reason: 'stop' } : finish;
}

/** The same for the parts of a stream. The text of a custom tool is passed on whole, at its end. */
export class RestoreStage {
  readonly #renamed: Renamed;
  readonly #out: (part: Part) => void;
  readonly #custom = new Map<number, string>();
  #calls = false;

  constructor(renamed: Renamed, out: (part: Part) => void) {
    this.#renamed = renamed;
    this.#out = out;
  }

  push(part: Part): void {
    switch (part.type) {
      case 'open':
        this.#open(part);
        return;
      case 'delta': {
        const text = this.#custom.get(part.block);
        if (text === undefined) break;
        this.#custom.set(part.block, text + part.text);
        return;
      }
      case 'close': {
        const text = this.#custom.get(part.block);
        if (text === undefined) break;
        this.#custom.delete(part.block);
        this.#out({ type: 'delta', block: part.block, text: customInput(text) });
        break;
      }
      case 'finish':
        this.#out({ ...part, finish: restoreFinish(part.finish, this.#calls) });
        return;
    }
    this.#out(part);
  }

  #open(part: Extract<Part, { type: 'open' }>): void {
    const { block, content } = part;
    const tool = content.type === 'tool_call' ? this.#renamed.get(content.name) : undefined;
    if (content.type !== 'tool_call' || !tool) {
      if (content.type === 'tool_call') this.#calls = true;
      this.#out(part);
    } else if (tool.kind === 'format') {
      this.#out({ type: 'open', block, content: textBlock('') });
    } else {
      this.#calls = true;
      if (tool.kind === 'custom') this.#custom.set(block, '');
      this.#out({ type: 'open', block, content: named(content, tool) });
    }
  }
}
