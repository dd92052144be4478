import type { ConversationRequest, JsonObject, ToolChoice } from '../conversation.js';
import type { Losses } from './losses.js';

/** The tool whose arguments are the answer. */
export const answerTool = 'structured_answer';

/**
 * For targets without JSON output: a tool that must be called, whose arguments are the answer. If
 * the client has its own tools, the model chooses between them and this one.
 * @param thinks a thinking model cannot be forced to call a tool.
 */
export function formatAsTool(
  request: ConversationRequest,
  thinks: boolean,
  losses: Losses,
): ConversationRequest {
  const { format } = request;
  if (!format) return request;
  const schema: JsonObject = format.type === 'schema' ? format.schema : { type: 'object' };
  const description =
    (format.type === 'schema' && format.description) ||
    'Gives the answer to the user. Call this tool to answer, instead of writing text.';
  if (schema.type !== 'object') losses.reject('format', 'its schema is not of an object');
  const own = request.tools.length > 0;
  if (thinks || own) losses.approximate('format', 'the model may still answer with text');
  const choice: ToolChoice = thinks
    ? { type: 'auto' }
    : own
      ? { type: 'required' }
      : { type: 'tool', name: answerTool };
  return {
    ...request,
    format: null,
    toolChoice: choice,
    tools: [
      ...request.tools,
      {
        type: 'function',
        name: answerTool,
        namespace: null,
        description,
        schema,
        strict: null,
        cache: null,
      },
    ],
  };
}
