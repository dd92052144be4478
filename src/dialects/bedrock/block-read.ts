import {
  asList,
  asObject,
  isObject,
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
  type Seal,
  textBlock,
} from '../conversation.js';
import { typeOf } from './formats.js';

const dialect = 'bedrock.converse';

/** Blocks of a message; a cache point marks the block before it. */
export function readBlocks(value: unknown, at: string): Block[] {
  const blocks: Block[] = [];
  asList(value, at).forEach((item, i) => {
    const place = `${at}[${i}]`;
    const from = asObject(item, place);
    const mark = readCachePoint(from, place);
    if (!mark) {
      blocks.push(readBlock(from, place));
      return;
    }
    const last = blocks.at(-1);
    if (last && 'cache' in last) last.cache = mark;
  });
  return blocks;
}

/** Null for anything but a cache point. */
export function readCachePoint(from: JsonObject, at: string): CacheMark | null {
  const point = objectAt(from, 'cachePoint', at);
  return point && (point.ttl === '1h' ? '1h' : '5m');
}

const mediaKinds = ['image', 'document', 'audio', 'video'] as const;

function readBlock(from: JsonObject, at: string): Block {
  if (typeof from.text === 'string') return textBlock(from.text);
  const call = objectAt(from, 'toolUse', at);
  if (call) return readCall(call, `${at}.toolUse`);
  const result = objectAt(from, 'toolResult', at);
  if (result) return readResult(result, `${at}.toolResult`);
  const reasoning = objectAt(from, 'reasoningContent', at);
  if (reasoning) return readReasoning(reasoning, `${at}.reasoningContent`);
  for (const kind of mediaKinds) {
    const media = objectAt(from, kind, at);
    const read = media && readMedia(media, kind, `${at}.${kind}`);
    if (read) return read;
  }
  const [name = 'block'] = Object.keys(from);
  return { type: 'unknown', dialect, name, raw: from };
}

export function readCall(from: JsonObject, at: string): Block & { type: 'tool_call' } {
  return {
    type: 'tool_call',
    id: needText(from, 'toolUseId', at),
    name: needText(from, 'name', at),
    namespace: null,
    input: toolText(from.input),
    custom: false,
    cache: null,
  };
}

function readResult(from: JsonObject, at: string): Block {
  const content = asList(from.content ?? [], `${at}.content`).map((item, i) => {
    const inner = `${at}.content[${i}]`;
    const block = asObject(item, inner);
    return block.json === undefined
      ? readBlock(block, inner)
      : textBlock(JSON.stringify(block.json));
  });
  return {
    type: 'tool_result',
    id: needText(from, 'toolUseId', at),
    name: null,
    content,
    error: from.status === 'error',
    cache: null,
  };
}

export function seal(slot: Seal['slot'], data: string): Seal {
  return { dialect, provider: null, slot, id: null, data };
}

function readReasoning(from: JsonObject, at: string): Block {
  const redacted = textAt(from, 'redactedContent', at);
  if (redacted !== null) return { type: 'reasoning', text: '', seal: seal('redacted', redacted) };
  const inner = `${at}.reasoningText`;
  const text = needObject(from, 'reasoningText', at);
  const signature = textAt(text, 'signature', inner);
  return {
    type: 'reasoning',
    text: needText(text, 'text', inner),
    seal: signature ? seal('signature', signature) : null,
  };
}

/** Null for a source that only Bedrock knows. */
function readMedia(from: JsonObject, kind: MediaBlock['kind'], at: string): MediaBlock | null {
  const source = from.source;
  if (!isObject(source)) throw new WrongField(`${at}.source`, 'must be an object');
  const name = textAt(from, 'name', at);
  const mediaType = typeOf(kind, textAt(from, 'format', at) ?? '');
  const common = { type: 'media', kind, mediaType, name, detail: null, cache: null } as const;
  const data = textAt(source, 'bytes', `${at}.source`);
  if (data !== null) return { ...common, source: { type: 'base64', data } };
  const text = textAt(source, 'text', `${at}.source`);
  return text === null ? null : { ...common, source: { type: 'text', text } };
}
