import type { Losses } from '../conversation/losses.js';
import { calledTools, currentTurn } from '../conversation/tool-ids.js';
import { geminiNames, targetToolName } from '../conversation/tool-names.js';
import type { Block, ConversationRequest, JsonObject, Message } from '../conversation.js';
import { pushAll } from '../push-all.js';
import type { GeminiAbilities } from './models.js';
import { callPart, mediaPart, ownPart, resultParts, systemParts } from './parts-write.js';

/** Google's placeholder signature for calls made by another model. */
const noSignature = 'skip_thought_signature_validator';

/** Writes `contents` and `systemInstruction`. */
export function writeContents(
  request: ConversationRequest,
  abilities: GeminiAbilities,
  body: JsonObject,
  losses: Losses,
): void {
  const names = calledTools(request.messages);
  const turn = currentTurn(request);
  const contents: { role: string; parts: JsonObject[] }[] = [];
  const system: JsonObject[] = [];
  let afterTool = false;
  request.messages.forEach((message, i) => {
    if (message.role === 'system' && contents.length === 0) {
      pushAll(system, systemParts(message, losses));
      return;
    }
    let role = 'user';
    let parts: JsonObject[];
    if (message.role === 'assistant') {
      role = 'model';
      parts = writeModel(message, abilities.signedCalls && i >= turn, losses);
    } else if (message.role === 'tool') {
      parts = writeResults(message, names, abilities.mediaInResults, losses);
    } else {
      parts = writeUser(message, losses);
    }
    const last = contents.at(-1);
    // Results must be in one content; the user's text after them is merged into it.
    if (afterTool && role === 'user' && last) pushAll(last.parts, parts);
    else if (parts.length > 0) contents.push({ role, parts });
    afterTool = message.role === 'tool';
  });
  if (system.length > 0) body.systemInstruction = { parts: system };
  body.contents = contents;
}

function writeUser(message: Message, losses: Losses): JsonObject[] {
  const parts: JsonObject[] = [];
  if (message.role === 'system') parts.push({ text: losses.systemInMiddle(message) });
  for (const block of message.content) {
    const part = writePart(block, message, losses);
    if (part) parts.push(part);
  }
  return parts;
}

function writePart(block: Block, message: Message, losses: Losses): JsonObject | null {
  switch (block.type) {
    case 'text':
      if (block.cache) losses.cacheMark(message.at);
      // Vertex AI refuses an empty text, which means nothing.
      return block.text === '' ? null : { text: block.text };
    case 'refusal':
      return { text: block.text };
    case 'media':
      return mediaPart(block, message, losses);
  }
  const own = ownPart(block);
  if (!own) losses.dropBlock(message, block);
  return own;
}

/** @param signed whether calls must have a signature. */
function writeModel(message: Message, signed: boolean, losses: Losses): JsonObject[] {
  const parts: JsonObject[] = [];
  let signature: string | null = null;
  let calls = 0;
  for (const block of message.content) {
    if (block.type === 'reasoning') {
      const { seal, text } = block;
      if (seal?.slot === 'call') signature = seal.data;
      else if (seal?.slot === 'text') signText(parts, seal.data);
      else if (seal) parts.push({ text, thought: true, thoughtSignature: seal.data });
      else losses.drop(message.at, 'holds reasoning without a signature');
    } else if (block.type === 'tool_call') {
      if (block.cache) losses.cacheMark(message.at);
      // Gemini signs only the first of parallel calls.
      if (signature === null && signed && calls === 0) signature = noSignature;
      parts.push(callPart(block, signature));
      signature = null;
      calls++;
    } else {
      const part = writePart(block, message, losses);
      if (part) parts.push(part);
    }
  }
  return parts;
}

/** Signs the text before it; a signature without text stays separate. */
function signText(parts: JsonObject[], signature: string): void {
  const last = parts.at(-1);
  if (typeof last?.text === 'string' && last.thought === undefined) {
    last.thoughtSignature = signature;
  } else parts.push({ text: '', thoughtSignature: signature });
}

function writeResults(
  message: Message,
  names: ReadonlyMap<string, string>,
  withMedia: boolean,
  losses: Losses,
): JsonObject[] {
  const parts: JsonObject[] = [];
  const beside: JsonObject[] = [];
  for (const block of inOrderOfCalls(message.content, names)) {
    if (block.type !== 'tool_result') {
      losses.dropBlock(message, block);
      continue;
    }
    const known = names.get(block.id) ?? block.name;
    if (known === undefined || known === null) {
      losses.reject(message.at, `is the result of a call '${block.id}' that is not there`);
      continue;
    }
    const name = targetToolName({ name: known, namespace: null }, geminiNames);
    const written = resultParts(block, name, withMedia, message, losses);
    parts.push(written.part);
    beside.push(...written.beside);
  }
  return [...parts, ...beside];
}

/** Gemini pairs calls and results of one name by their order. */
function inOrderOfCalls(
  content: readonly Block[],
  names: ReadonlyMap<string, string>,
): readonly Block[] {
  if (content.length < 2) return content;
  const order = new Map([...names.keys()].map((id, i) => [id, i]));
  const place = (block: Block) =>
    (block.type === 'tool_result' ? order.get(block.id) : undefined) ?? names.size;
  return content.toSorted((a, b) => place(a) - place(b));
}
