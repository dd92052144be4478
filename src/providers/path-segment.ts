/** A name as one segment of a path. Half of a surrogate pair, which has no UTF-8, is replaced. */
export function pathSegment(name: string): string {
  return encodeURIComponent(Buffer.from(name).toString());
}
