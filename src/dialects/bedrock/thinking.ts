import type { ClaudeAbilities } from '../anthropic/models.js';
import { writeClaudeThinking } from '../anthropic/thinking.js';
import type { Losses } from '../conversation/losses.js';
import type { ConversationRequest, JsonObject } from '../conversation.js';

/**
 * Thinking is one of the fields of the model's own dialect, which are known for Claude only.
 * @returns true if the model is to think.
 */
export function writeThinking(
  request: ConversationRequest,
  claude: ClaudeAbilities | null,
  extra: JsonObject,
  output: JsonObject,
  losses: Losses,
): boolean {
  if (!request.reasoning) return false;
  if (!claude) {
    if (request.reasoning.effort !== 'none') losses.dropFields(request, ['reasoning']);
    return false;
  }
  const { thinking, effort } = writeClaudeThinking(
    request,
    request.maxTokens ?? Number.POSITIVE_INFINITY,
    claude,
    losses,
  );
  if (thinking) extra.thinking = thinking;
  if (effort !== null) output.effort = effort;
  return thinking !== null && thinking.type !== 'disabled';
}
