/** W3C Trace Context, levels 1 and 2: a vendor's key, or a tenant's at one. */
const key = `(?:[a-z0-9][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})`;
const value = String.raw`[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]`;
const memberPattern = new RegExp(`^(${key})=${value}$`);

const maxMembers = 32;
/** Everyone must pass on as much. */
const maxChars = 512;
/** Longer members are dropped first. */
const longMember = 128;

/**
 * The `tracestate` to pass on, from the values of its headers in their order; null: there is none,
 * or it is invalid as a whole. Of members with the same key the first stays; one that is too long
 * loses members, never parts of them.
 */
export function traceState(values: readonly string[]): string | null {
  const members = new Map<string, string>();
  for (const text of values.join(',').split(',')) {
    const member = text.replace(/^[ \t]+|[ \t]+$/g, '');
    if (member === '') continue;
    const [, name] = memberPattern.exec(member) ?? [];
    if (name === undefined) return null;
    if (!members.has(name)) members.set(name, member);
    if (members.size > maxMembers) return null;
  }
  return members.size === 0 ? null : shortened([...members.values()]);
}

function shortened(members: string[]): string | null {
  const isTooLong = () => members.join(',').length > maxChars;
  for (let i = members.length - 1; i >= 0 && isTooLong(); i--) {
    if ((members[i] as string).length > longMember) members.splice(i, 1);
  }
  while (isTooLong()) members.pop();
  return members.length === 0 ? null : members.join(',');
}
