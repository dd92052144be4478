import { createHash, randomBytes } from 'node:crypto';
import type { ConversationRequest, Message } from '../conversation.js';

/** Ids of tool calls accepted by a dialect. */
export interface ToolIdRule {
  pattern: RegExp;
  /** Length of the replacement for an invalid id. */
  length: number;
}

export const anthropicToolIds: ToolIdRule = { pattern: /^[a-zA-Z0-9_-]{1,128}$/, length: 24 };
export const bedrockToolIds: ToolIdRule = { pattern: /^[a-zA-Z0-9_-]{1,64}$/, length: 24 };
export const responsesToolIds: ToolIdRule = { pattern: /^.{1,64}$/s, length: 24 };
export const mistralToolIds: ToolIdRule = { pattern: /^[a-zA-Z0-9]{9}$/, length: 9 };

/**
 * The id of a tool call at a target: unchanged if valid, else a short hash of it. The hash is
 * stable, so that a call and its result match, in this turn and in later ones.
 */
export function conformingId(id: string, rule: ToolIdRule): string {
  if (rule.pattern.test(id)) return id;
  const hash = createHash('sha256').update(id).digest('base64').replace(/[+/=]/g, '');
  return hash.slice(0, rule.length);
}

/** An id for a tool call that arrived without one; the same for the same answer and position. */
export function mintedToolId(answerId: string | null, position: number): string {
  if (answerId === null || answerId === '') return `call_${randomBytes(12).toString('hex')}`;
  return `call_${createHash('sha256').update(`${answerId}/${position}`).digest('hex').slice(0, 24)}`;
}

/** An id for an answer or an item that arrived without one. */
export function mintedId(prefix: string): string {
  return prefix + randomBytes(12).toString('hex');
}

/** Creation time of an answer, in seconds, for dialects that report one. */
export function secondsNow(): number {
  return Math.floor(Date.now() / 1000);
}

/** The names of the tools that were called, by the id of the call. */
export function calledTools(messages: readonly Message[]): Map<string, string> {
  const names = new Map<string, string>();
  for (const message of messages) {
    if (message.role !== 'assistant') continue;
    for (const block of message.content) {
      if (block.type === 'tool_call') names.set(block.id, block.name);
    }
  }
  return names;
}

/** Index of the first message of the current turn, which follows the user's last. */
export function currentTurn(request: ConversationRequest): number {
  return request.messages.findLastIndex(({ role }) => role === 'user') + 1;
}
