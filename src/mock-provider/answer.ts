import type { Ask } from './ask.js';
import { defaultText, splitText } from './text.js';

/** The endpoints that answer with text. */
export type TextKind = 'chat' | 'completion';

/** An answer before it is rendered for an endpoint. */
export interface Answer {
  kind: TextKind;
  model: string;
  /** The content, or the arguments of the tool call, in the pieces that a stream sends. */
  pieces: readonly string[];
  /** The called tool; null for an answer in text. */
  tool: string | null;
  finishReason: 'stop' | 'length' | 'tool_calls';
  choices: number;
}

/** Characters of a tool call's arguments in one chunk. */
const argumentsPerChunk = 12;

/**
 * The answer to this request.
 * @param text null for the structured output that is asked for, else the default text.
 */
export function makeAnswer(kind: TextKind, ask: Ask, chunks: number, text: string | null): Answer {
  const { model, choices, toolCall, maxTokens, structured } = ask;
  if (kind === 'chat' && toolCall !== null) {
    const pieces = toolCall.arguments.match(new RegExp(`.{1,${argumentsPerChunk}}`, 'gsu')) ?? [];
    return { kind, model, choices, pieces, tool: toolCall.name, finishReason: 'tool_calls' };
  }
  // JSON must not be repeated to fill the chunks.
  const count = text === null && structured !== null ? Math.min(chunks, structured.length) : chunks;
  const pieces = splitText(text ?? structured ?? defaultText, count);
  const cut = pieces.length > maxTokens;
  return {
    kind,
    model,
    choices,
    pieces: cut ? pieces.slice(0, maxTokens) : pieces,
    tool: null,
    finishReason: cut ? 'length' : 'stop',
  };
}
