import type { Settings } from '../config/settings/settings-types.js';
import type { FetchedMedia } from '../dialects/translate/remote-media.js';
import { type FetchedBytes, fetchBytes } from './fetch-bytes.js';

/** In one request. */
const maxMedia = 20;
const maxRedirects = 3;
const timeoutMs = 10_000;
const mediaTypes = /^(image|audio|video)\/[\w.+-]+$|^application\/pdf$|^text\/plain$/;

/**
 * Fetches content from addresses named by a client. Since the client chooses them, this machine's
 * network is off limits unless the settings allow it, and proxies are not used: they would resolve
 * names unchecked. Content that cannot be fetched within the bounds is left out.
 * @returns base64 by address.
 */
export async function fetchMedia(
  upstream: Settings['upstream'],
  urls: readonly string[],
): Promise<ReadonlyMap<string, FetchedMedia>> {
  const isPublic = upstream.fetch_media !== 'any';
  const settings = { ...upstream, ...(isPublic && { private_addresses: 'deny' as const }) };
  const found = new Map<string, FetchedMedia>();
  let left = upstream.max_media_bytes;
  await Promise.all(
    urls.slice(0, maxMedia).map(async (url) => {
      const answer = await follow(settings, url).catch(() => null);
      const mediaType = answer && typeOf(answer);
      if (!answer || !mediaType || answer.body.length > left) return;
      left -= answer.body.length;
      found.set(url, { mediaType, data: answer.body.toString('base64') });
    }),
  );
  return found;
}

/** Each redirect's address is checked like the first one. */
async function follow(upstream: Settings['upstream'], url: string): Promise<FetchedBytes | null> {
  let at = url;
  for (let redirects = 0; redirects <= maxRedirects; redirects++) {
    const answer = await fetchBytes(upstream, {
      method: 'GET',
      url: at,
      headers: ['accept', '*/*', 'user-agent', 'llmproxy'],
      timeoutMs,
      maxBytes: upstream.max_media_bytes,
      isDirect: true,
    });
    if (answer.status === 200) return answer;
    const { location } = answer.headers;
    if (answer.status < 300 || answer.status >= 400 || !location) return null;
    at = new URL(location, at).href;
  }
  return null;
}

function typeOf({ headers }: FetchedBytes): string | null {
  const type = (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  return mediaTypes.test(type) ? type : null;
}
