import { budgetOf } from '../conversation/effort.js';
import type { Losses } from '../conversation/losses.js';
import { currentTurn } from '../conversation/tool-ids.js';
import type { Block, ConversationRequest, JsonObject } from '../conversation.js';
import type { ClaudeAbilities } from './models.js';

const leastBudget = 1024;

/**
 * Writes the thinking settings of a Claude model, for Anthropic and other hosts.
 * @returns `thinking`, null to omit it, and the effort for models that support one.
 */
export function writeClaudeThinking(
  request: ConversationRequest,
  maxTokens: number,
  abilities: ClaudeAbilities,
  losses: Losses,
): { thinking: JsonObject | null; effort: string | null } {
  const { reasoning } = request;
  if (!reasoning) return { thinking: null, effort: null };
  const { effort, visible } = reasoning;
  if (effort === 'none') return { thinking: { type: 'disabled' }, effort: null };
  // There is no effort below low.
  const lowest = effort === 'minimal' ? 'low' : effort;
  const asked = abilities.adaptive ? lowest : null;
  if (lacksThinking(request)) {
    losses.drop('reasoning', 'the tool calls under way were made without this model thinking');
    return { thinking: null, effort: asked };
  }
  if (mustCall(request)) {
    losses.drop('reasoning', 'a model that must call a tool cannot think');
    return { thinking: null, effort: asked };
  }
  const shown = visible === null ? {} : { display: visible ? 'summarized' : 'omitted' };
  const measured = effort === null || abilities.adaptive;
  const budget = reasoning.budget ?? (measured ? -1 : budgetOf(effort));
  if (budget === -1 && abilities.adaptive) {
    return { thinking: { type: 'adaptive', ...shown }, effort: asked };
  }
  const tokens = budget === -1 ? budgetOf('medium') : budget;
  const most = maxTokens - 1;
  if (most < leastBudget) {
    losses.drop('reasoning', `needs more than ${leastBudget} tokens of output`);
    return { thinking: null, effort: asked };
  }
  const budget_tokens = losses.clamp('reasoning', tokens, leastBudget, most);
  return { thinking: { type: 'enabled', budget_tokens, ...shown }, effort: asked };
}

function mustCall({ toolChoice, tools }: ConversationRequest): boolean {
  if (!toolChoice || tools.length === 0) return false;
  const type = toolChoice.type === 'allowed' ? toolChoice.mode : toolChoice.type;
  return type === 'required' || type === 'tool';
}

/** A turn of tool calls that began without thinking cannot continue with it. */
function lacksThinking(request: ConversationRequest): boolean {
  const turn = request.messages.slice(currentTurn(request));
  const called = turn.filter(({ role }) => role === 'assistant');
  const isThought = (block: Block) => block.type === 'reasoning' && block.seal !== null;
  return called.length > 0 && !called.some(({ content }) => content.some(isThought));
}
