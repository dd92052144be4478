import { readEvents } from '../../dialects/sse.js';
import { type JsonObject, listOf, objectOf, parseJson, textOf } from './json-value.js';

/**
 * The texts that a model wrote in a JSON answer: contents, refusals, reasoning, names and arguments
 * of tool calls; in chat completions, Anthropic's messages or responses. Empty for embeddings.
 */
export function jsonAnswerTexts(answer: unknown): string[] {
  const texts = new Texts();
  for (const [index, choice] of listOf(objectOf(answer).choices).entries()) {
    texts.addChoice(index, objectOf(choice).message, objectOf(choice).text);
  }
  texts.addCandidates(answer);
  const { content, output } = objectOf(answer);
  for (const [index, block] of listOf(content).entries()) texts.addBlock(index, objectOf(block));
  for (const [index, item] of listOf(output).entries()) texts.addItem(index, objectOf(item));
  return texts.all();
}

/**
 * Like `jsonAnswerTexts`, for the delivered part of a stream of server-sent events. Texts split over
 * events are joined; an event cut short is skipped.
 */
export function streamAnswerTexts(stream: Buffer): string[] {
  const texts = new Texts();
  for (const { data } of readEvents(stream)) {
    const event = objectOf(parseJson(data));
    texts.addDelta(event);
    texts.addCandidates(event);
    for (const choice of listOf(event.choices)) {
      const { index, delta, text } = objectOf(choice);
      texts.addChoice(Number(index ?? 0), delta, text);
    }
  }
  return texts.all();
}

/** Collects texts by their place in the answer. */
class Texts {
  readonly #texts = new Map<string, string>();

  /** @param message a whole message, or a piece of one; undefined in legacy completions. */
  addChoice(index: number, message: unknown, text: unknown): void {
    const { tool_calls: toolCalls, function_call: call, ...fields } = objectOf(message);
    this.#add(`${index}.text`, text);
    for (const name of written) this.#add(`${index}.${name}`, fields[name]);
    this.#addCall(`${index}.call`, call);
    for (const [position, toolCall] of listOf(toolCalls).entries()) {
      const { index: number = position, function: called } = objectOf(toolCall);
      this.#addCall(`${index}.tool.${number}`, called);
    }
  }

  /** A content block of Anthropic's messages. */
  addBlock(index: number, { text, thinking, name, input }: JsonObject): void {
    this.#add(`${index}.text`, text);
    this.#add(`${index}.thinking`, thinking);
    this.#add(`${index}.name`, name);
    if (input !== undefined) this.#add(`${index}.input`, JSON.stringify(input));
  }

  /** The parts of Gemini's answers, or of an event of their streams. */
  addCandidates(answer: unknown): void {
    for (const [index, candidate] of listOf(objectOf(answer).candidates).entries()) {
      for (const part of listOf(objectOf(objectOf(candidate).content).parts)) {
        const { text, functionCall } = objectOf(part);
        this.#add(`${index}.text`, text);
        if (!functionCall) continue;
        const { name, args } = objectOf(functionCall);
        this.#addCall(`${index}.call`, { name, arguments: JSON.stringify(args ?? {}) });
      }
    }
  }

  /** An item of a response's output. */
  addItem(index: number, { name, arguments: given, content, summary }: JsonObject): void {
    this.#addCall(`${index}.call`, { name, arguments: given });
    for (const part of [...listOf(content), ...listOf(summary)]) {
      this.#add(`${index}.text`, objectOf(part).text);
    }
  }

  /** An event of a stream of either: its new piece of a text. */
  addDelta({ index, output_index, content_block, item, delta }: JsonObject): void {
    const place = Number(index ?? output_index ?? 0);
    this.#add(`${place}.name`, objectOf(content_block ?? item).name);
    this.#add(`${place}.delta`, delta);
    const { text, thinking, partial_json } = objectOf(delta);
    for (const piece of [text, thinking, partial_json]) this.#add(`${place}.delta`, piece);
  }

  all(): string[] {
    return [...this.#texts.values()];
  }

  #addCall(place: string, call: unknown): void {
    const { name, arguments: given } = objectOf(call);
    this.#add(`${place}.name`, name);
    this.#add(`${place}.arguments`, given);
  }

  #add(place: string, text: unknown): void {
    const added = textOf(text);
    if (added !== '') this.#texts.set(place, (this.#texts.get(place) ?? '') + added);
  }
}

/** Members of a message that hold the model's text; the last two are not OpenAI's. */
const written = ['content', 'refusal', 'reasoning_content', 'reasoning'];
