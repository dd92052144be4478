import type { Losses } from '../conversation/losses.js';
import { toolInput } from '../conversation/read.js';
import { bedrockToolIds, conformingId } from '../conversation/tool-ids.js';
import { dashedNames, targetToolName } from '../conversation/tool-names.js';
import type {
  Block,
  CacheMark,
  JsonObject,
  MediaBlock,
  Message,
  ToolResultBlock,
} from '../conversation.js';
import { formatOf } from './formats.js';

const dialect = 'bedrock.converse';

/** Blocks of a message, of a request or an answer. A cache point follows the block it marks. */
export function writeBlocks(
  content: readonly Block[],
  message: Message,
  losses: Losses,
): JsonObject[] {
  const written: JsonObject[] = [];
  for (const block of content) {
    const one = writeBlock(block, message, losses);
    if (!one) continue;
    written.push(one);
    if ('cache' in block && block.cache) written.push(cachePoint(block.cache));
  }
  return written;
}

export function cachePoint(cache: CacheMark): JsonObject {
  return { cachePoint: cache === '1h' ? { type: 'default', ttl: '1h' } : { type: 'default' } };
}

function writeBlock(block: Block, message: Message, losses: Losses): JsonObject | null {
  switch (block.type) {
    case 'text':
      // The API refuses an empty text, which means nothing.
      return block.text === '' ? null : { text: block.text };
    case 'refusal':
      return { text: block.text };
    case 'reasoning': {
      const { seal, text } = block;
      if (seal?.slot === 'redacted') return { reasoningContent: { redactedContent: seal.data } };
      if (seal) return { reasoningContent: { reasoningText: { text, signature: seal.data } } };
      losses.drop(message.at, 'holds reasoning without a signature');
      return null;
    }
    case 'tool_call':
      return {
        toolUse: {
          toolUseId: conformingId(block.id, bedrockToolIds),
          name: targetToolName(block, dashedNames),
          input: block.custom ? { input: block.input } : toolInput(block.input),
        },
      };
    case 'tool_result':
      return { toolResult: writeResult(block, message, losses) };
    case 'media':
      return writeMedia(block, message, losses);
    case 'unknown':
      if (block.dialect === dialect) return block.raw as JsonObject;
  }
  losses.dropBlock(message, block);
  return null;
}

function writeResult(block: ToolResultBlock, message: Message, losses: Losses): JsonObject {
  const written: JsonObject = {
    toolUseId: conformingId(block.id, bedrockToolIds),
    content: writeBlocks(block.content, message, losses),
  };
  if (block.error) written.status = 'error';
  return written;
}

function writeMedia(media: MediaBlock, message: Message, losses: Losses): JsonObject | null {
  const { kind, source } = media;
  if (media.detail !== null) losses.drop(message.at, `asks for the detail '${media.detail}'`);
  if (source.type !== 'base64' && source.type !== 'text') {
    losses.reject(message.at, `holds ${kind} by ${source.type}, which Bedrock does not take`);
    return null;
  }
  const written: JsonObject = { format: formatOf(media) };
  if (kind === 'document') written.name = documentName(media.name);
  written.source = source.type === 'base64' ? { bytes: source.data } : { text: source.text };
  return { [kind]: written };
}

/** Letters, digits, single spaces, hyphens and brackets; never empty. */
function documentName(name: string | null): string {
  const taken = (name ?? '').replace(/[^a-zA-Z0-9 ()[\]-]+/g, '-').replace(/ {2,}/g, ' ');
  return taken.trim() || 'document';
}
