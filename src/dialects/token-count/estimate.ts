import type { Block, ConversationRequest, MediaBlock, Tool } from '../conversation.js';

const bytesPerToken = 4;
/** Marks that delimit a message or a tool. */
const framingTokens = 4;
/** An image of the size to which providers scale larger ones. */
const imageTokens = 1_600;
/** A page of a PDF has about 2,000 tokens in 100 KB; a second of speech 25 in 3 KB. */
const mediaBytesPerToken = 50;

/** Tokens of a prompt by its bytes, for models whose provider does not count. */
export function estimateTokens({ messages, tools, format }: ConversationRequest): number {
  let tokens = framingTokens * (messages.length + tools.length);
  let bytes = format?.type === 'schema' ? jsonBytes(format.schema) : 0;
  for (const tool of tools) bytes += toolBytes(tool);
  const add = (block: Block): void => {
    switch (block.type) {
      case 'text':
      case 'refusal':
      case 'reasoning':
        bytes += Buffer.byteLength(block.text);
        break;
      case 'tool_call':
        bytes += Buffer.byteLength(block.name) + Buffer.byteLength(block.input);
        break;
      case 'tool_result':
        block.content.forEach(add);
        break;
      case 'media':
        tokens += mediaTokens(block);
        break;
      default:
        bytes += jsonBytes(block.raw);
    }
  };
  for (const { content } of messages) content.forEach(add);
  return tokens + Math.ceil(bytes / bytesPerToken);
}

function toolBytes(tool: Tool): number {
  if (tool.type === 'unknown') return jsonBytes(tool.raw);
  const { name, description } = tool;
  const input = tool.type === 'custom' ? tool.grammar : tool.schema;
  return Buffer.byteLength(name + (description ?? '')) + (input ? jsonBytes(input) : 0);
}

/** Media by URL or id are of unknown size: they count as an image. */
function mediaTokens({ kind, source }: MediaBlock): number {
  if (source.type === 'text') return Math.ceil(Buffer.byteLength(source.text) / bytesPerToken);
  if (kind === 'image' || source.type !== 'base64') return imageTokens;
  return Math.ceil((source.data.length * 3) / 4 / mediaBytesPerToken);
}

function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value) ?? '');
}
