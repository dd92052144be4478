import type { Losses } from '../conversation/losses.js';
import { mediaTypeOf } from '../conversation/media-types.js';
import { isObject, toolInput } from '../conversation/read.js';
import { geminiNames, targetToolName } from '../conversation/tool-names.js';
import { textAndRest } from '../conversation/tool-results.js';
import {
  type Block,
  type JsonObject,
  type MediaBlock,
  type Message,
  onlyText,
  type ToolCallBlock,
  type ToolResultBlock,
} from '../conversation.js';

const dialect = 'gemini.generate';

/** A call as a part. Arguments must be an object, so malformed ones are wrapped in one. */
export function callPart(call: ToolCallBlock, signature: string | null): JsonObject {
  const name = targetToolName(call, geminiNames);
  const part: JsonObject = { functionCall: { name, args: callArgs(call) } };
  if (signature !== null) part.thoughtSignature = signature;
  return part;
}

function callArgs(call: ToolCallBlock): JsonObject {
  if (call.custom) return { input: call.input };
  const input = toolInput(call.input);
  return isObject(input) ? input : { malformed_arguments: input };
}

/** Media as a part; null if unsupported, which is reported as a loss. */
export function mediaPart(media: MediaBlock, message: Message, losses: Losses): JsonObject | null {
  const { source } = media;
  const mimeType = mediaTypeOf(media);
  if (media.detail !== null) losses.drop(message.at, `asks for the detail '${media.detail}'`);
  if (media.cache !== null) losses.cacheMark(message.at);
  const name = media.name === null ? {} : { displayName: media.name };
  switch (source.type) {
    case 'base64':
      return { inlineData: { mimeType, data: source.data, ...name } };
    case 'text':
      return { text: source.text };
    case 'url':
      return { fileData: { mimeType, fileUri: source.url } };
    case 'file':
      // Only addresses name files that Google knows.
      if (source.id.includes(':')) return { fileData: { mimeType, fileUri: source.id } };
  }
  losses.reject(message.at, `holds ${media.kind} by the id of a file of another provider`);
  return null;
}

/** A result, and those of its media that this model accepts only next to it. */
export function resultParts(
  result: ToolResultBlock,
  name: string,
  withMedia: boolean,
  message: Message,
  losses: Losses,
): { part: JsonObject; beside: JsonObject[] } {
  if (result.cache) losses.cacheMark(message.at);
  const { text, rest } = textAndRest(result.content);
  const response: JsonObject =
    text === '' && !result.error ? {} : { [result.error ? 'error' : 'output']: text };
  const part: JsonObject = { name, response };
  const inside: JsonObject[] = [];
  for (const block of rest) {
    const written = block.type === 'media' ? mediaPart(block, message, losses) : null;
    if (written) inside.push(written);
    else if (block.type !== 'media') losses.dropBlock(message, block);
  }
  if (inside.length === 0 || withMedia) {
    if (inside.length > 0) part.parts = inside;
    return { part: { functionResponse: part }, beside: [] };
  }
  losses.approximate(message.at, 'holds media, which follow the results of the tools');
  return { part: { functionResponse: part }, beside: inside };
}

/** Text of a system message. */
export function systemParts(message: Message, losses: Losses): JsonObject[] {
  return message.content.flatMap((block): JsonObject[] => {
    if ('cache' in block && block.cache) losses.cacheMark(message.at);
    const text = onlyText([block]);
    if (text !== null) return [{ text }];
    losses.dropBlock(message, block);
    return [];
  });
}

/** The part in an unknown block of this dialect; null for other blocks. */
export function ownPart(block: Block): JsonObject | null {
  return block.type === 'unknown' && block.dialect === dialect ? (block.raw as JsonObject) : null;
}
