import type { Losses } from '../conversation/losses.js';
import type {
  Block,
  ConversationDialect,
  Message,
  Part,
  ProviderDialect,
  ReasoningBlock,
  Seal,
} from '../conversation.js';
import type { ReasoningKeeper } from './kept-reasoning.js';
import { unwrapSeal, wrapSeal } from './seals.js';

/** Keys and storage of the reasoning that providers made. */
export interface Seals {
  /** Signs what a client keeps; the same in every process of the gateway. */
  key: Buffer;
  /** For clients that drop what they do not know; null where nothing is kept. */
  kept: ReasoningKeeper | null;
}

/** Both ends of a translation, and how reasoning is sealed for one of them. */
export interface SealContext extends Seals {
  client: ConversationDialect;
  provider: ProviderDialect;
  providerName: string;
}

/** The slot of a client's dialect that comes back in the next turn. */
const clientSlots: Readonly<Record<ConversationDialect, Seal['slot']>> = {
  'openai.chat': 'encrypted',
  'openai.responses': 'encrypted',
  'anthropic.messages': 'signature',
  // Clients of Gemini leave thoughts out, but send the signatures of calls.
  'gemini.generate': 'call',
  'bedrock.converse': 'signature',
};

/** The messages with reasoning as its provider made it; that of others is left out and told. */
export function unseal(
  messages: readonly Message[],
  context: SealContext,
  losses: Losses,
): Message[] {
  return messages.map((message) => {
    if (message.role !== 'assistant') return message;
    const content = recall(message.content, context);
    if (!content.some(isSealed))
      return content === message.content ? message : { ...message, content };
    const unsealed = content.flatMap((block) => {
      if (!isSealed(block)) return [block];
      const own = unsealBlock(block, context);
      if (!own) losses.drop(message.at, 'holds reasoning that another provider made');
      return own ?? [];
    });
    return { ...message, content: unsealed };
  });
}

function isSealed(block: Block): block is ReasoningBlock & { seal: Seal } {
  return block.type === 'reasoning' && block.seal !== null;
}

function unsealBlock(
  block: ReasoningBlock & { seal: Seal },
  { provider, providerName, key }: SealContext,
): ReasoningBlock | null {
  // Reasoning from the keeper was never wrapped.
  const kept = block.seal.provider === null ? unwrapSeal(block.seal.data, key) : null;
  const seal = kept?.seal ?? block.seal;
  if (seal.dialect !== provider || seal.provider !== providerName) return null;
  return { type: 'reasoning', text: block.text || (kept?.text ?? ''), seal };
}

/** The ids of the tool calls whose reasoning may be kept. */
export function recallable(messages: readonly Message[], client: ConversationDialect): string[] {
  if (client !== 'openai.chat') return [];
  const calls = messages.map(({ role, content }) =>
    role === 'assistant' ? firstCall(content) : null,
  );
  return calls.filter((id) => id !== null);
}

function firstCall(content: readonly Block[]): string | null {
  const call = content.find(({ type }) => type === 'tool_call');
  return call?.type === 'tool_call' ? call.id : null;
}

/** Content with the reasoning that was kept for its first tool call. */
function recall(content: Block[], { client, kept }: SealContext): Block[] {
  if (client !== 'openai.chat' || !kept || content.some(isSealed)) return content;
  const call = firstCall(content);
  const reasoning = call === null ? null : kept.get(call);
  if (!reasoning) return content;
  return [...reasoning, ...content.filter(({ type }) => type !== 'reasoning')];
}

/** A seal as the client is to see it. @param text of its block, for a slot without text. */
function sealForClient(seal: Seal, text: string, context: SealContext): Seal {
  const { client, providerName, key } = context;
  const slot = clientSlots[client];
  const wrapped = { seal: { ...seal, provider: providerName }, text: slot === 'call' ? text : '' };
  return {
    dialect: client,
    provider: providerName,
    slot,
    id: client === 'openai.responses' ? seal.id : null,
    data: wrapSeal(wrapped, key),
  };
}

/** The blocks of an answer as the client is to see them; keeps what it will not bring back. */
export function sealBlocks(content: readonly Block[], context: SealContext): Block[] {
  if (!content.some(isSealed)) return [...content];
  keep(content, context);
  return content.map((block) =>
    isSealed(block) ? { ...block, seal: sealForClient(block.seal, block.text, context) } : block,
  );
}

function keep(content: readonly Block[], { client, kept, providerName }: SealContext): void {
  if (client !== 'openai.chat' || !kept) return;
  const call = firstCall(content);
  if (call === null) return;
  const sealed = content.filter(isSealed).map((block) => ({
    ...block,
    seal: { ...block.seal, provider: providerName },
  }));
  kept.put(call, sealed);
}

/** The same for the parts of a stream. */
export class SealStage {
  readonly #context: SealContext;
  readonly #out: (part: Part) => void;
  /** Texts of reasoning, by block: a seal may need its own. */
  readonly #texts = new Map<number, string>();
  readonly #sealed: ReasoningBlock[] = [];
  #call: Block | null = null;

  constructor(context: SealContext, out: (part: Part) => void) {
    this.#context = context;
    this.#out = out;
  }

  push(part: Part): void {
    switch (part.type) {
      case 'delta': {
        const text = this.#texts.size === 0 ? undefined : this.#texts.get(part.block);
        if (text !== undefined) this.#texts.set(part.block, text + part.text);
        break;
      }
      case 'open':
        if (part.content.type === 'reasoning') this.#texts.set(part.block, '');
        else if (part.content.type === 'tool_call') this.#call ??= part.content;
        break;
      case 'close':
        this.#texts.delete(part.block);
        break;
      case 'seal': {
        const text = this.#texts.get(part.block) ?? '';
        this.#sealed.push({ type: 'reasoning', text, seal: part.seal });
        this.#out({ ...part, seal: sealForClient(part.seal, text, this.#context) });
        return;
      }
      case 'finish':
        if (this.#call && this.#sealed.length > 0) {
          keep([...this.#sealed, this.#call], this.#context);
        }
    }
    this.#out(part);
  }
}
