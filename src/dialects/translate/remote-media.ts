import type { ProviderCodec } from '../codec.js';
import type { Losses } from '../conversation/losses.js';
import type { Block, ConversationRequest, MediaBlock, Message } from '../conversation.js';

/** Content fetched from a URL. */
export interface FetchedMedia {
  mediaType: string;
  /** Base64. */
  data: string;
}

/** The addresses that a target must be given the content of. Empty for most requests. */
export function remoteMedia(request: ConversationRequest, target: ProviderCodec): string[] {
  const urls = new Set<string>();
  for (const { content } of request.messages) {
    for (const media of mediaOf(content)) {
      const url = remoteUrl(media, target);
      if (url !== null) urls.add(url);
    }
  }
  return [...urls];
}

function* mediaOf(content: readonly Block[]): Generator<MediaBlock> {
  for (const block of content) {
    if (block.type === 'media') yield block;
    else if (block.type === 'tool_result') yield* mediaOf(block.content);
  }
}

function remoteUrl({ source, kind }: MediaBlock, target: ProviderCodec): string | null {
  return source.type === 'url' && !target.takesUrl(kind, source.url) ? source.url : null;
}

/** Refuses media by the id of a file, which only the API that has it knows. */
export function refuseFiles(messages: readonly Message[], losses: Losses): void {
  for (const message of messages) {
    for (const { kind, source } of mediaOf(message.content)) {
      if (source.type !== 'file') continue;
      losses.reject(message.at, `holds ${kind} by the id of a file, which is of another API`);
    }
  }
}

/** The messages with content in place of addresses; addresses that were not fetched are refused. */
export function placeMedia(
  messages: readonly Message[],
  target: ProviderCodec,
  fetched: ReadonlyMap<string, FetchedMedia>,
  losses: Losses,
): Message[] {
  return messages.map((message) => {
    let changed = false;
    const place = (block: Block): Block => {
      if (block.type === 'tool_result') return { ...block, content: block.content.map(place) };
      const url = block.type === 'media' ? remoteUrl(block, target) : null;
      if (block.type !== 'media' || url === null) return block;
      const found = fetched.get(url);
      if (!found) {
        losses.reject(message.at, `holds ${block.kind} by URL, which could not be fetched`);
        return block;
      }
      changed = true;
      const { mediaType, data } = found;
      return { ...block, mediaType, source: { type: 'base64', data } };
    };
    const content = message.content.map(place);
    return changed ? { ...message, content } : message;
  });
}
