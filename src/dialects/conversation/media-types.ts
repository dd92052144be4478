import type { MediaBlock } from '../conversation.js';

/** File extensions of media URLs, for dialects that need a type. */
const byEnding = new Map<string, string>(
  Object.entries({
    png: 'image/png',
    jpg: 'image/jpeg',
    jpeg: 'image/jpeg',
    gif: 'image/gif',
    webp: 'image/webp',
    pdf: 'application/pdf',
    mp3: 'audio/mpeg',
    wav: 'audio/wav',
    mp4: 'video/mp4',
  }),
);

/** The given media type, or that of the URL's extension, or the usual one of its kind. */
export function mediaTypeOf(media: MediaBlock): string {
  if (media.mediaType) return media.mediaType;
  const url = media.source.type === 'url' ? media.source.url : '';
  const ending = /\.([a-z0-9]+)(?:[?#]|$)/i.exec(url)?.[1]?.toLowerCase() ?? '';
  const usual = {
    image: 'image/png',
    document: 'application/pdf',
    audio: 'audio/wav',
    video: 'video/mp4',
  };
  return byEnding.get(ending) ?? usual[media.kind];
}
