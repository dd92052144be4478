import type { AdminAnswer, AdminRequest } from '../request.js';
import type { Content } from './docs-files.js';

/** A file as an answer, or 304 where the client has it. */
export function cached(
  { headers }: Pick<AdminRequest, 'headers'>,
  { type, bytes, etag }: Content,
  policy: string,
): AdminAnswer {
  const known = headers['if-none-match']?.split(/\s*,\s*/).includes(etag);
  const shared = { etag, 'cache-control': policy };
  if (known) return { status: 304, headers: shared };
  return { status: 200, headers: { ...shared, 'content-type': type }, body: bytes };
}
