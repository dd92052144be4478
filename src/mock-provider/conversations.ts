import type { Codec, RequestPlace } from '../dialects/codec.js';
import type {
  Block,
  ConversationAnswer,
  ConversationRequest,
  Finish,
  Part,
} from '../dialects/conversation.js';
import { noClasses } from '../dialects/usage.js';
import type { Exchange } from '../server/exchange.js';
import { type Answer, makeAnswer } from './answer.js';
import { type Ask, structuredText, tokensOf } from './ask.js';
import type { Behaviour } from './options.js';
import { playStream, waitFor } from './play-stream.js';
import { ProviderError } from './provider-error.js';
import { steer } from './steer.js';
import { chunksBeforeCut, type Steering, slowIntervalMs, steeringOf } from './steering.js';
import { textOfBytes } from './text.js';
import { chooseToolCall } from './tool-call.js';

export type Conversations = (
  exchange: Exchange,
  codec: Codec,
  body: Buffer,
  place?: RequestPlace,
  framing?: Framing,
  kept?: KeptAnswer,
) => Promise<void>;

/** An answer that can be asked for again by its id. */
export interface KeptAnswer {
  id: string;
  /** @param written the whole answer, as it is or would be sent without a stream. */
  keep(written: string): void;
}

/** Framing of the pieces of a stream. */
export interface Framing {
  /** Value of `content-type`. */
  type: string;
  frame(piece: Buffer): Buffer[];
}

const events: Framing = {
  type: 'text/event-stream; charset=utf-8',
  frame: (piece) => [piece],
};

/** Answers conversations in any dialect that has a codec, in its own form. */
export function createConversations(
  { latencyMs, chunks: count, chunkIntervalMs }: Behaviour,
  headers: readonly string[],
): Conversations {
  return async (exchange, codec, body, place = inBody, framing = events, kept = unkept) => {
    const request = codec.readRequest(body, place);
    if (request.model === '') {
      throw new ProviderError(400, 'you must provide a model parameter', { param: 'model' });
    }
    const steering = steeringOf(request.model);
    if (await steer(exchange, steering)) return;
    const text = textFor(steering, exchange, body);
    const answer = toConversation(
      makeAnswer('chat', askOf(request), count, text),
      request,
      kept.id,
    );
    const cuts = steering?.kind === 'cut-stream';
    const written = codec.writeAnswer(answer.whole, request.model);
    kept.keep(written);
    if (!request.stream) {
      await waitFor(exchange, latencyMs);
      if (cuts) return cut(exchange, written);
      exchange.respond(200, ['content-type', 'application/json', ...headers], written);
      return;
    }
    const chunks = render(codec, request.model, answer.parts).flatMap(framing.frame);
    await playStream(exchange, {
      headers: ['content-type', framing.type, ...headers],
      chunks: cuts ? chunks.slice(0, chunksBeforeCut) : chunks,
      latencyMs,
      intervalMs:
        steering?.kind === 'slow-stream'
          ? Math.max(slowIntervalMs, chunkIntervalMs)
          : chunkIntervalMs,
      end: !cuts,
    });
    if (cuts) exchange.destroy();
  };
}

const unkept: KeptAnswer = { id: 'mock', keep: () => {} };

const inBody: RequestPlace = { model: '', stream: null };

/** Tokens of the prompt by the rule of thumb. */
export function promptTokensOf({ messages }: ConversationRequest): number {
  const length = (block: Block): number => {
    if (block.type === 'text') return block.text.length;
    if (block.type === 'tool_call') return block.input.length;
    return block.type === 'tool_result' ? sum(block.content.map(length)) : 0;
  };
  return tokensOf(sum(messages.flatMap(({ content }) => content.map(length))));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

function cut(exchange: Exchange, written: string): void {
  exchange.writeHead(200, ['content-type', 'application/json']);
  exchange.write(Buffer.from(written.slice(0, written.length / 2)));
  exchange.destroy();
}

function textFor(steering: Steering | null, exchange: Exchange, body: Buffer): string | null {
  if (steering?.kind === 'size') return textOfBytes(steering.bytes);
  if (steering?.kind !== 'echo') return null;
  const { method, path, query } = exchange;
  return JSON.stringify({ method, path, query, body: JSON.parse(body.toString()) });
}

function askOf(request: ConversationRequest): Ask {
  const { model, stream, tools, toolChoice, messages, maxTokens, format } = request;
  const functions = tools.flatMap((tool) =>
    tool.type === 'function'
      ? { type: 'function', function: { name: tool.name, parameters: tool.schema ?? {} } }
      : [],
  );
  const choice =
    toolChoice?.type === 'tool' ? { function: { name: toolChoice.name } } : toolChoice?.type;
  return {
    model,
    stream,
    includeUsage: true,
    promptTokens: promptTokensOf(request),
    choices: 1,
    maxTokens: maxTokens ?? Infinity,
    structured: format && structuredText(format.type === 'schema' ? format.schema : null),
    toolCall: chooseToolCall({
      tools: functions,
      messages: messages.slice(-1),
      ...(choice !== undefined && { tool_choice: choice }),
    }),
  };
}

/** The same answer whole, and as the parts of a stream. */
function toConversation(
  { model, pieces, tool, finishReason }: Answer,
  request: ConversationRequest,
  id: string,
): { whole: ConversationAnswer; parts: Part[] } {
  const text = pieces.join('');
  const block: Block =
    tool === null
      ? { type: 'text', text, cache: null }
      : {
          type: 'tool_call',
          id: 'call_mock',
          name: tool,
          namespace: null,
          input: text,
          custom: false,
          cache: null,
        };
  const finish: Finish = { reason: finishReason, raw: null, sequence: null, detail: null };
  const usage = { ...noClasses, input: promptTokensOf(request), output: pieces.length };
  const opened = block.type === 'text' ? { ...block, text: '' } : { ...block, input: '' };
  return {
    whole: { id, model, content: [block], finish, usage, error: null },
    parts: [
      { type: 'start', id, model },
      { type: 'open', block: 0, content: opened },
      ...pieces.map((piece): Part => ({ type: 'delta', block: 0, text: piece })),
      { type: 'close', block: 0 },
      { type: 'finish', finish, usage },
    ],
  };
}

function render(codec: Codec, model: string, parts: readonly Part[]): Buffer[] {
  const writer = codec.streamWriter(model, true);
  return parts.flatMap((part) => {
    const bytes = writer.push(part);
    return bytes === null ? [] : Buffer.from(bytes);
  });
}
