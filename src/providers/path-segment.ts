/** A name as one segment of a path. Half of a surrogate pair, which has no UTF-8, is replaced. */
export function pathSegment(name: string): string {
  return encodeURIComponent(Buffer.from(name).toString());
}

/** True for a name that, as a path segment, would lead elsewhere. */
export function isDotSegment(name: string): boolean {
  return name === '.' || name === '..';
}
