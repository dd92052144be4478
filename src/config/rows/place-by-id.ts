import type { Credential } from '../configuration.js';

/** Finds a credential in a list in the order of their ids; -1 where it is not there. */
export function placeById(credentials: readonly Credential[], id: number): number {
  let [low, high] = [0, credentials.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = credentials[middle]?.id ?? 0;
    if (found === id) return middle;
    if (found < id) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}
