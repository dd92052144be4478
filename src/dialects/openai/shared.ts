import { dataUrl, parseDataUrl, WrongField } from '../conversation/read.js';
import {
  type ConversationError,
  type Effort,
  type ErrorKind,
  efforts,
  type Format,
  type JsonObject,
  type MediaBlock,
} from '../conversation.js';
import { errorObject, kindOf, plainError, statusOf, wordAt } from '../errors/conversation-error.js';

/** Code shared by chat completions and responses. */

const types: Readonly<Record<ErrorKind, string>> = {
  invalid_request: 'invalid_request_error',
  authentication: 'authentication_error',
  billing: 'insufficient_quota',
  permission: 'permission_error',
  not_found: 'invalid_request_error',
  conflict: 'invalid_request_error',
  too_large: 'invalid_request_error',
  rate_limit: 'rate_limit_error',
  internal: 'server_error',
  timeout: 'server_error',
  overloaded: 'server_error',
};

export function readOpenaiError(body: Buffer, status: number): ConversationError {
  const error = errorObject(body);
  return error ? toError(error, status) : plainError(status, body.toString('utf8', 0, 500).trim());
}

/** @param status 0 within a stream, where the type must tell. */
export function toError(error: JsonObject, status: number): ConversationError {
  const type = wordAt(error, 'type');
  const code = wordAt(error, 'code');
  const kind = kindOfError(type, code, status);
  return {
    kind,
    status: status === 0 ? statusOf(kind) : status,
    message: wordAt(error, 'message') || plainError(status || statusOf(kind)).message,
    code: code ?? type,
    param: wordAt(error, 'param'),
    retryAfter: null,
  };
}

function kindOfError(type: string | null, code: string | null, status: number): ErrorKind {
  if (code === 'insufficient_quota' || type === 'insufficient_quota') return 'billing';
  if (status !== 0) return kindOf(status);
  if (code === 'rate_limit_exceeded' || type === 'rate_limit_error') return 'rate_limit';
  if (code === 'server_is_overloaded' || code === 'slow_down') return 'overloaded';
  if (code === 'invalid_prompt') return 'invalid_request';
  if (type === 'tokens' || type === 'requests') return 'rate_limit';
  for (const kind in types) {
    if (type !== null && types[kind as ErrorKind] === type) {
      return kind === 'timeout' || kind === 'overloaded' ? 'internal' : (kind as ErrorKind);
    }
  }
  return 'internal';
}

/** `{ error: … }`, in bodies and in streams of chat chunks. */
export function writeOpenaiError(error: ConversationError): string {
  return JSON.stringify({
    error: {
      message: error.message,
      type: types[error.kind],
      param: error.param,
      code: error.kind === 'billing' ? 'insufficient_quota' : error.code,
    },
  });
}

export function readEffort(value: string | null, field: string): Effort | null {
  if (value === null) return null;
  const effort = efforts.find((name) => name === value);
  if (effort) return effort;
  throw new WrongField(field, `must be one of ${efforts.join(', ')}`);
}

/** A picture by its URL, or inline in a data URL. */
export function imageBlock(url: string, detail: string | null): MediaBlock {
  const inline = parseDataUrl(url);
  return {
    type: 'media',
    kind: 'image',
    source: inline ? { type: 'base64', data: inline.data } : { type: 'url', url },
    mediaType: inline?.mediaType ?? null,
    name: null,
    detail,
    cache: null,
  };
}

/** The URL of a picture, inline if it has none; null for an uploaded file. */
export function imageUrl(media: MediaBlock): string | null {
  if (media.source.type === 'url') return media.source.url;
  if (media.source.type !== 'base64') return null;
  return dataUrl(media.mediaType ?? 'image/png', media.source.data);
}

/** A document; `file_data` is a data URL or plain base64. */
export function fileBlock(
  data: string | null,
  id: string | null,
  url: string | null,
  name: string | null,
  field: string,
): MediaBlock {
  const common = { type: 'media', kind: 'document', name, detail: null, cache: null } as const;
  if (data !== null) {
    const inline = parseDataUrl(data);
    return {
      ...common,
      source: { type: 'base64', data: inline?.data ?? data },
      mediaType: inline?.mediaType ?? 'application/pdf',
    };
  }
  if (id !== null) return { ...common, source: { type: 'file', id }, mediaType: null };
  if (url !== null) return { ...common, source: { type: 'url', url }, mediaType: null };
  throw new WrongField(field, "must have 'file_data', 'file_id' or 'file_url'");
}

/** OpenAI's name of an audio format, from a media type. */
export function audioFormat(mediaType: string | null): string {
  const format = mediaType?.split('/')[1] ?? 'wav';
  return format === 'mpeg' ? 'mp3' : format.replace(/^x-/, '');
}

export function audioBlock(data: string, format: string): MediaBlock {
  return {
    type: 'media',
    kind: 'audio',
    source: { type: 'base64', data },
    mediaType: `audio/${format === 'mp3' ? 'mpeg' : format}`,
    name: null,
    detail: null,
    cache: null,
  };
}

/** `json_object` or `json_schema`, whose fields chat nests and responses does not. */
export function writeFormat(format: Format): JsonObject {
  if (format.type === 'json') return { type: 'json_object' };
  const schema: JsonObject = { name: format.name ?? 'answer' };
  if (format.description !== null) schema.description = format.description;
  schema.schema = format.schema;
  if (format.strict !== null) schema.strict = format.strict;
  return schema;
}

/** OpenAI's models cache automatically, except some that accept breakpoints. */
export function hasCacheMark(marked: object): boolean {
  return 'cache' in marked && marked.cache !== null;
}
