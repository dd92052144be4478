import { keepUnknown } from '../conversation/losses.js';
import {
  asObject,
  flagAt,
  listAt,
  needObject,
  needText,
  objectAt,
  textAt,
  toolText,
  WrongField,
} from '../conversation/read.js';
import {
  type Block,
  type CacheMark,
  type JsonObject,
  type MediaBlock,
  type MediaSource,
  type Seal,
  textBlock,
  type UnknownField,
} from '../conversation.js';

const dialect = 'anthropic.messages';

/** Fields of blocks that the neutral form covers, or that have no effect. */
const fields = new Map<string, ReadonlySet<string>>(
  Object.entries({
    text: new Set(['type', 'text', 'cache_control']),
    image: new Set(['type', 'source', 'cache_control']),
    document: new Set(['type', 'source', 'title', 'cache_control']),
    tool_use: new Set(['type', 'id', 'name', 'input', 'caller', 'cache_control']),
    tool_result: new Set(['type', 'tool_use_id', 'content', 'is_error', 'cache_control']),
  }),
);

/**
 * Content of a message: text, or blocks.
 * @param unknown collects the fields that get lost.
 */
export function readContent(content: unknown, at: string, unknown: UnknownField[]): Block[] {
  if (typeof content === 'string') return content === '' ? [] : [textBlock(content)];
  if (!Array.isArray(content)) throw new WrongField(at, 'must be a string or an array of blocks');
  return content.map((block, i) => readBlock(block, `${at}[${i}]`, unknown));
}

/** A block of a request or an answer. */
export function readBlock(value: unknown, at: string, unknown: UnknownField[]): Block {
  const from = asObject(value, at);
  const type = needText(from, 'type', at);
  const known = fields.get(type);
  if (known) keepUnknown(from, known, at, dialect, unknown);
  switch (type) {
    case 'text':
      return textBlock(needText(from, 'text', at), readCacheMark(from, at));
    case 'thinking': {
      const signature = textAt(from, 'signature', at);
      return {
        type: 'reasoning',
        text: needText(from, 'thinking', at),
        seal: signature ? seal('signature', signature) : null,
      };
    }
    case 'redacted_thinking':
      return { type: 'reasoning', text: '', seal: seal('redacted', needText(from, 'data', at)) };
    case 'tool_use':
      return {
        type: 'tool_call',
        id: needText(from, 'id', at),
        name: needText(from, 'name', at),
        namespace: null,
        input: toolText(from.input),
        custom: false,
        cache: readCacheMark(from, at),
      };
    case 'tool_result':
      return {
        type: 'tool_result',
        id: needText(from, 'tool_use_id', at),
        name: null,
        content: from.content == null ? [] : readContent(from.content, `${at}.content`, unknown),
        error: flagAt(from, 'is_error', at) ?? false,
        cache: readCacheMark(from, at),
      };
    case 'image':
    case 'document':
      return readMedia(from, type, at) ?? { type: 'unknown', dialect, name: type, raw: from };
    default:
      return { type: 'unknown', dialect, name: type, raw: from };
  }
}

export function seal(slot: Seal['slot'], data: string): Seal {
  return { dialect, provider: null, slot, id: null, data };
}

function readMedia(from: JsonObject, kind: 'image' | 'document', at: string): MediaBlock | null {
  const source = needObject(from, 'source', at);
  const read = readSource(source, `${at}.source`);
  if (!read) return null;
  return {
    type: 'media',
    kind,
    source: read,
    mediaType: textAt(source, 'media_type', `${at}.source`),
    name: textAt(from, 'title', at),
    detail: null,
    cache: readCacheMark(from, at),
  };
}

/** Null for a source that only Anthropic knows. */
function readSource(source: JsonObject, at: string): MediaSource | null {
  switch (source.type) {
    case 'base64':
      return { type: 'base64', data: needText(source, 'data', at) };
    case 'url':
      return { type: 'url', url: needText(source, 'url', at) };
    case 'file':
      return { type: 'file', id: needText(source, 'file_id', at) };
    case 'text':
      return { type: 'text', text: needText(source, 'data', at) };
  }
  if (typeof source.type !== 'string') throw new WrongField(`${at}.type`, 'must be a string');
  return null;
}

export function readCacheMark(from: JsonObject, at: string): CacheMark | null {
  const mark = objectAt(from, 'cache_control', at);
  if (!mark) return null;
  return mark.ttl === '1h' ? '1h' : '5m';
}

/** The blocks of an answer. */
export function readBlocks(body: JsonObject): Block[] {
  return (listAt(body, 'content', '') ?? []).map((block, i) =>
    readBlock(block, `content[${i}]`, []),
  );
}
