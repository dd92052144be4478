import { mediaTypeOf } from '../conversation/media-types.js';
import type { MediaBlock } from '../conversation.js';

/** Bedrock's names of formats that differ from the subtype of their media type. */
const documents = new Map<string, string>(
  Object.entries({
    'application/pdf': 'pdf',
    'text/plain': 'txt',
    'text/csv': 'csv',
    'text/html': 'html',
    'text/markdown': 'md',
    'application/msword': 'doc',
    'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
    'application/vnd.ms-excel': 'xls',
    'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
  }),
);
const documentTypes = new Map([...documents].map(([type, format]) => [format, type]));

export function formatOf(media: MediaBlock): string {
  const type = mediaTypeOf(media);
  if (media.kind === 'document') return documents.get(type) ?? 'txt';
  const subtype = (type.split('/')[1] ?? '').replace(/^x-/, '');
  return subtype === 'jpg'
    ? 'jpeg'
    : media.kind === 'audio' && subtype === 'mpeg'
      ? 'mp3'
      : subtype;
}

export function typeOf(kind: MediaBlock['kind'], format: string): string {
  if (kind === 'document') return documentTypes.get(format) ?? 'text/plain';
  return `${kind}/${kind === 'audio' && format === 'mp3' ? 'mpeg' : format}`;
}
