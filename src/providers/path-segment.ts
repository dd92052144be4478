/** A name as one segment of a path. Half of a surrogate pair, which has no UTF-8, is replaced. */
export function pathSegment(name: string): string {
  return encodeURIComponent(Buffer.from(name).toString());
}

/** Whether a name would, as a segment of its own, lead to another path. */
export function isDotSegment(name: string): boolean {
  return name === '.' || name === '..';
}
