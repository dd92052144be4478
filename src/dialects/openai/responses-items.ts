import { asObject, listAt, needObject, needText, textAt } from '../conversation/read.js';
import type { Block, JsonObject } from '../conversation.js';
import { textBlock } from '../conversation.js';
import { audioBlock, fileBlock, imageBlock } from './shared.js';

const dialect = 'openai.responses';

/** Parts of a message, or of the output of a tool. */
export function readParts(content: unknown, at: string): Block[] {
  if (typeof content === 'string') return content === '' ? [] : [textBlock(content)];
  if (content === null || content === undefined) return [];
  const list = listAt({ content }, 'content', at) ?? [];
  return list.map((part, i) => readPart(part, `${at}[${i}]`));
}

function readPart(value: unknown, at: string): Block {
  const part = asObject(value, at);
  const type = needText(part, 'type', at);
  switch (type) {
    case 'input_text':
    case 'output_text':
    case 'text':
      return textBlock(needText(part, 'text', at));
    case 'refusal':
      return { type: 'refusal', text: needText(part, 'refusal', at) };
    case 'input_image': {
      const url = textAt(part, 'image_url', at);
      const detail = textAt(part, 'detail', at);
      if (url !== null) return imageBlock(url, detail === 'auto' ? null : detail);
      const source = { type: 'file', id: needText(part, 'file_id', at) } as const;
      const common = { type: 'media', kind: 'image', mediaType: null, name: null } as const;
      return { ...common, source, detail, cache: null };
    }
    case 'input_file': {
      const data = textAt(part, 'file_data', at);
      const id = textAt(part, 'file_id', at);
      const url = textAt(part, 'file_url', at);
      return fileBlock(data, id, url, textAt(part, 'filename', at), at);
    }
    case 'input_audio': {
      const audio = needObject(part, 'input_audio', at);
      const inner = `${at}.input_audio`;
      return audioBlock(needText(audio, 'data', inner), needText(audio, 'format', inner));
    }
    default:
      return { type: 'unknown', dialect, name: type, raw: part };
  }
}

/** An item written by a model, in a request or an answer; null for a message. */
export function readOutputItem(item: JsonObject, type: string, at: string): Block[] {
  switch (type) {
    case 'message':
      return readParts(item.content, `${at}.content`);
    case 'function_call':
    case 'custom_tool_call': {
      const custom = type === 'custom_tool_call';
      const given = textAt(item, custom ? 'input' : 'arguments', at) ?? '';
      return [
        {
          type: 'tool_call',
          id: needText(item, 'call_id', at),
          name: needText(item, 'name', at),
          namespace: textAt(item, 'namespace', at),
          input: given.trim() === '' && !custom ? '{}' : given,
          custom,
          cache: null,
        },
      ];
    }
    case 'reasoning':
      return [readReasoningItem(item, at)];
    default:
      return [{ type: 'unknown', dialect, name: type, raw: item }];
  }
}

/** Summaries, or the raw thoughts where a provider shows them. */
function readReasoningItem(item: JsonObject, at: string): Block {
  const summary = listAt(item, 'summary', at) ?? [];
  const parts = summary.length > 0 ? summary : (listAt(item, 'content', at) ?? []);
  const texts = parts.map((part, i) => {
    const inner = `${at}.summary[${i}]`;
    return needText(asObject(part, inner), 'text', inner);
  });
  const data = textAt(item, 'encrypted_content', at);
  const id = textAt(item, 'id', at);
  return {
    type: 'reasoning',
    text: texts.join(summaryBreak),
    seal: data === null ? null : { dialect, provider: null, slot: 'encrypted', id, data },
  };
}

/** Between the parts of a summary. */
export const summaryBreak = '\n\n';
