import { type Block, type Message, onlyText, type Role } from '../conversation.js';

/**
 * Adds a user's message of a dialect that has tool results in such messages: the neutral form has a
 * role of its own for them.
 */
export function splitToolResults(content: readonly Block[], at: string, into: Message[]): void {
  const from = into.length;
  for (const block of content) {
    const role: Role = block.type === 'tool_result' ? 'tool' : 'user';
    const last = into.at(-1);
    if (into.length > from && last?.role === role) last.content.push(block);
    else into.push({ role, content: [block], at });
  }
  if (into.length === from) into.push({ role: 'user', content: [], at });
}

/** The text of a result, and its other content. */
export function textAndRest(content: readonly Block[]): { text: string; rest: readonly Block[] } {
  const rest = content.filter(({ type }) => type !== 'text');
  return { text: onlyText(content.filter(({ type }) => type === 'text')) ?? '', rest };
}
