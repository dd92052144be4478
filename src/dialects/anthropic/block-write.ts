import type { Losses } from '../conversation/losses.js';
import { mediaTypeOf } from '../conversation/media-types.js';
import { mapPresent, toolInput } from '../conversation/read.js';
import { anthropicToolIds, conformingId } from '../conversation/tool-ids.js';
import { dashedNames, targetToolName } from '../conversation/tool-names.js';
import type {
  Block,
  CacheMark,
  JsonObject,
  MediaBlock,
  Message,
  ToolResultBlock,
} from '../conversation.js';

const dialect = 'anthropic.messages';

/** A block of a request or an answer; null for one without a form here, reported as a loss. */
export function writeBlock(block: Block, message: Message, losses: Losses): JsonObject | null {
  switch (block.type) {
    case 'text':
      // The API refuses an empty text, which means nothing.
      return block.text === '' ? null : marked({ type: 'text', text: block.text }, block.cache);
    case 'refusal':
      return { type: 'text', text: block.text };
    case 'reasoning': {
      const { seal, text } = block;
      if (seal?.slot === 'redacted') return { type: 'redacted_thinking', data: seal.data };
      if (seal) return { type: 'thinking', thinking: text, signature: seal.data };
      losses.drop(message.at, 'holds reasoning without a signature');
      return null;
    }
    case 'tool_call':
      return marked(
        {
          type: 'tool_use',
          id: conformingId(block.id, anthropicToolIds),
          name: targetToolName(block, dashedNames),
          input: block.custom ? { input: block.input } : toolInput(block.input),
        },
        block.cache,
      );
    case 'tool_result':
      return writeToolResult(block, message, losses);
    case 'media':
      return writeMedia(block, message, losses);
    case 'unknown':
      if (block.dialect === dialect) return block.raw as JsonObject;
  }
  losses.dropBlock(message, block);
  return null;
}

export function marked(block: JsonObject, cache: CacheMark | null): JsonObject {
  if (cache) block.cache_control = cacheControl(cache);
  return block;
}

function cacheControl(cache: CacheMark): JsonObject {
  return cache === '1h' ? { type: 'ephemeral', ttl: '1h' } : { type: 'ephemeral' };
}

function writeToolResult(block: ToolResultBlock, message: Message, losses: Losses): JsonObject {
  const written: JsonObject = {
    type: 'tool_result',
    tool_use_id: conformingId(block.id, anthropicToolIds),
  };
  const content = mapPresent(block.content, (inner) => writeBlock(inner, message, losses));
  if (content.length > 0) written.content = content;
  if (block.error) written.is_error = true;
  return marked(written, block.cache);
}

function writeMedia(media: MediaBlock, message: Message, losses: Losses): JsonObject | null {
  const { kind, source } = media;
  if (media.detail !== null) losses.drop(message.at, `asks for the detail '${media.detail}'`);
  if (kind !== 'image' && kind !== 'document') {
    losses.reject(message.at, `holds ${kind}, which Anthropic's models do not take`);
    return null;
  }
  const written: JsonObject = { type: kind };
  if (source.type === 'base64') {
    written.source = { type: 'base64', media_type: mediaTypeOf(media), data: source.data };
  } else if (source.type === 'url') {
    written.source = { type: 'url', url: source.url };
  } else if (source.type === 'file') {
    written.source = { type: 'file', file_id: source.id };
  } else {
    written.source = { type: 'text', media_type: 'text/plain', data: source.text };
  }
  if (kind === 'document' && media.name !== null) written.title = media.name;
  return marked(written, media.cache);
}
