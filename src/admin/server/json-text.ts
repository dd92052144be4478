import { setImmediate as turn } from 'node:timers/promises';

/** Elements of a list written before the event loop has a turn. */
const elementsInTurn = 500;

/** True for an object with a list that takes too long to be written at once. */
export function hasLongList(body: unknown): body is object {
  return (
    body instanceof Object &&
    !('toJSON' in body) &&
    Object.values(body).some((value) => Array.isArray(value) && value.length > elementsInTurn)
  );
}

/**
 * The JSON of an object, as `JSON.stringify` writes it, with turns of the event loop between the parts of
 * its long lists.
 */
export async function jsonText(body: object): Promise<string> {
  if (!hasLongList(body)) return JSON.stringify(body);
  const members: string[] = [];
  for (const [name, value] of Object.entries(body)) {
    const isLong = Array.isArray(value) && value.length > elementsInTurn;
    const text = isLong ? await listText(value) : JSON.stringify(value);
    if (text !== undefined) members.push(`${JSON.stringify(name)}:${text}`);
  }
  return `{${members.join(',')}}`;
}

async function listText(list: readonly unknown[]): Promise<string> {
  const parts: string[] = [];
  for (let at = 0; at < list.length; at += elementsInTurn) {
    if (at > 0) await turn();
    parts.push(JSON.stringify(list.slice(at, at + elementsInTurn)).slice(1, -1));
  }
  return `[${parts.join(',')}]`;
}
