/**
 * Appends any number of items: as arguments of `push`, more than about 120,000 would not fit on the stack, and
 * clients choose how many there are.
 */
export function pushAll<Item>(list: Item[], items: readonly Item[]): void {
  for (const item of items) list.push(item);
}
