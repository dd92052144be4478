import { type CountText, textCounter } from './encode.js';
import { encodingOf } from './encoding-of.js';
import { imageTokens } from './image-tokens.js';
import { type JsonObject, listOf, objectOf, textOf } from './json-value.js';
import { toolTokens } from './tool-tokens.js';

/** Constants of the OpenAI cookbook, "How to count tokens with tiktoken". */
const perMessage = 3;
const perName = 1;
/** Every answer is primed with `<|start|>assistant<|message|>`. */
const forAnswer = 3;

/**
 * The prompt tokens of a request, by OpenAI's published rules: of chat messages with tools and
 * images, of a legacy completion's `prompt`, of an embedding's `input`. Audio and files count as
 * zero, since no rule for them is published.
 * @param request the JSON body.
 */
export function promptTokens(request: JsonObject, model: string): number {
  const encoding = encodingOf(model);
  const count = textCounter(encoding);
  const messages = messagesOf(request);
  if (messages === null) {
    return inputTokens(request.prompt ?? request.input, count) + count(textOf(request.suffix));
  }
  let tokens = forAnswer + toolTokens(request, encoding, count);
  const { system, instructions, systemInstruction } = request;
  for (const said of [system, instructions, objectOf(systemInstruction).parts]) {
    if (said) tokens += messageTokens({ content: said }, model, count);
  }
  for (const message of messages) tokens += messageTokens(objectOf(message), model, count);
  return tokens;
}

/** The messages of a chat, the items of a response's input, or Gemini's contents; null: none. */
function messagesOf({ messages, input, contents }: JsonObject): readonly unknown[] | null {
  if (Array.isArray(messages)) return messages;
  if (Array.isArray(contents)) return contents.map((each) => ({ content: objectOf(each).parts }));
  const isItems = Array.isArray(input) && typeof input[0] === 'object' && !Array.isArray(input[0]);
  return isItems ? input : null;
}

/** A text, a list of texts, a list of token numbers, or a list of such lists. */
function inputTokens(input: unknown, count: CountText): number {
  if (typeof input === 'string') return count(input);
  let tokens = 0;
  for (const item of listOf(input)) {
    if (typeof item === 'number') tokens += 1;
    else tokens += typeof item === 'string' ? count(item) : listOf(item).length;
  }
  return tokens;
}

function messageTokens(message: JsonObject, model: string, count: CountText): number {
  const { role, name, content, refusal, tool_calls: toolCalls, function_call: call } = message;
  let tokens = perMessage + count(textOf(role)) + count(textOf(refusal));
  if (typeof name === 'string') tokens += perName + count(name);
  tokens += count(textOf(content));
  for (const part of listOf(content)) {
    const { type, text, image_url: imageUrl } = objectOf(part);
    tokens += type === 'image_url' ? imageTokens(imageUrl, model) : count(textOf(text));
  }
  for (const called of [call, ...listOf(toolCalls).map((each) => objectOf(each).function)]) {
    const { name: callee, arguments: given } = objectOf(called);
    tokens += count(textOf(callee)) + count(textOf(given));
  }
  return tokens;
}
