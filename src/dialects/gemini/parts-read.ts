import { needText, textAt, WrongField } from '../conversation/read.js';
import {
  type Block,
  type JsonObject,
  type MediaBlock,
  type ReasoningBlock,
  type Seal,
  textBlock,
} from '../conversation.js';
import { asProto, protoAt } from './proto.js';

const dialect = 'gemini.generate';

/** Gives ids to calls without one, and matches results without one to their calls. */
export interface CallIds {
  call(name: string, given: string | null): string;
  result(name: string, given: string | null): string;
}

/** A part as blocks: a signature next to a call or a text becomes a separate block. */
export function readPart(value: unknown, at: string, ids: CallIds): Block[] {
  const part = asProto(value, at);
  const signature = textAt(part, 'thoughtSignature', at);
  if (typeof part.text === 'string') return readText(part, part.text, signature);
  const call = protoAt(part, 'functionCall', at);
  if (call) {
    const block = readCall(call, `${at}.functionCall`, ids);
    return signature === null ? [block] : [sealBlock('call', signature), block];
  }
  const result = protoAt(part, 'functionResponse', at);
  if (result) return [readResult(result, `${at}.functionResponse`, ids)];
  const media = readMedia(part, at);
  if (media) return [media];
  const [name = 'part'] = Object.keys(part);
  return [{ type: 'unknown', dialect, name, raw: part }];
}

function readText(part: JsonObject, text: string, signature: string | null): Block[] {
  if (part.thought === true) {
    return [
      { type: 'reasoning', text, seal: signature === null ? null : seal('thought', signature) },
    ];
  }
  const blocks: Block[] = text === '' ? [] : [textBlock(text)];
  if (signature !== null) blocks.push(sealBlock('text', signature));
  return blocks;
}

function seal(slot: Seal['slot'], data: string): Seal {
  return { dialect, provider: null, slot, id: null, data };
}

function sealBlock(slot: Seal['slot'], data: string): ReasoningBlock {
  return { type: 'reasoning', text: '', seal: seal(slot, data) };
}

function readCall(call: JsonObject, at: string, ids: CallIds): Block {
  const name = needText(call, 'name', at);
  return {
    type: 'tool_call',
    id: ids.call(name, textAt(call, 'id', at)),
    name,
    namespace: null,
    input: JSON.stringify(call.args ?? {}),
    custom: false,
    cache: null,
  };
}

function readResult(from: JsonObject, at: string, ids: CallIds): Block {
  const name = needText(from, 'name', at);
  const response = protoAt(from, 'response', at) ?? {};
  const parts = Array.isArray(from.parts) ? from.parts : [];
  const { text, error } = resultText(response);
  const content: Block[] = text === '' ? [] : [textBlock(text)];
  parts.forEach((part, i) => {
    const inner = `${at}.parts[${i}]`;
    const media = readMedia(asProto(part, inner), inner);
    if (media) content.push(media);
  });
  const id = ids.result(name, textAt(from, 'id', at));
  return { type: 'tool_result', id, name, content, error, cache: null };
}

/** By Google's convention `output` is the result and `error` says what went wrong. */
function resultText(response: JsonObject): { text: string; error: boolean } {
  const [key, other] = Object.keys(response);
  if (key === undefined) return { text: '', error: false };
  const value = response[key];
  if (other === undefined && typeof value === 'string' && /^(output|result|error)$/.test(key)) {
    return { text: value, error: key === 'error' };
  }
  return { text: JSON.stringify(response), error: key === 'error' };
}

/** Data, or a file by its address; null for another part. */
function readMedia(part: JsonObject, at: string): MediaBlock | null {
  const inline = protoAt(part, 'inlineData', at);
  if (inline) {
    const mediaType = needText(inline, 'mimeType', `${at}.inlineData`);
    const data = needText(inline, 'data', `${at}.inlineData`);
    return media(mediaType, { type: 'base64', data }, textAt(inline, 'displayName', at));
  }
  const file = protoAt(part, 'fileData', at);
  if (!file) return null;
  const uri = needText(file, 'fileUri', `${at}.fileData`);
  const mediaType = textAt(file, 'mimeType', `${at}.fileData`);
  // Google's own addresses name files at that provider; all others can be fetched by anyone.
  const own = !/^https?:/.test(uri) || uri.includes('generativelanguage.googleapis.com');
  const source = own ? ({ type: 'file', id: uri } as const) : ({ type: 'url', url: uri } as const);
  return media(mediaType, source, textAt(file, 'displayName', at));
}

function media(
  mediaType: string | null,
  source: MediaBlock['source'],
  name: string | null,
): MediaBlock {
  const family = mediaType?.split('/')[0] ?? '';
  const kind = family === 'image' || family === 'audio' || family === 'video' ? family : 'document';
  return { type: 'media', kind, source, mediaType, name, detail: null, cache: null };
}

/** Results without an id get those of the calls with their name, in order. */
export class OrderedCallIds implements CallIds {
  #calls = 0;
  readonly #waiting: { name: string; id: string }[] = [];

  call(name: string, given: string | null): string {
    const id = given ?? `call_${this.#calls}`;
    this.#calls++;
    this.#waiting.push({ name, id });
    return id;
  }

  result(name: string, given: string | null): string {
    const at = this.#waiting.findIndex((call) =>
      given === null ? call.name === name : call.id === given,
    );
    if (at >= 0) return this.#waiting.splice(at, 1)[0]?.id ?? '';
    if (given !== null) return given;
    throw new WrongField(
      'contents',
      `hold a result of '${name.slice(0, 64)}', which was not called`,
    );
  }
}
