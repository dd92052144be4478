import { hasEscapedLetters } from '../body/escaped-letters.js';
import { isObject } from '../conversation/read.js';
import type { NamedResource } from '../dialect.js';
import { parsedJson } from '../errors/answer-error.js';

/** Bytes: a search for text costs three times as much. */
const words = ['file_id', 'vector_store_ids'].map((word) => Buffer.from(word));

/**
 * The files and vector stores that messages, input items and tools of a request name, each with its
 * place. Most bodies name none and are only searched for the words.
 */
export function filesNamedIn(body: Buffer): NamedResource[] {
  if (!words.some((word) => body.includes(word)) && !hasEscapedLetters(body)) return [];
  const request = parsedJson(body.toString());
  if (!isObject(request)) return [];
  const named: NamedResource[] = [];
  const add = (id: unknown, param: string) => {
    if (typeof id === 'string') named.push({ id, param });
  };
  const addAll = (ids: unknown, param: string) => {
    listOf(ids).forEach((id, i) => {
      add(id, `${param}[${i}]`);
    });
  };
  for (const member of ['messages', 'input']) {
    listOf(request[member]).forEach((item, i) => {
      if (!isObject(item)) return;
      for (const inner of ['content', 'output']) {
        listOf(item[inner]).forEach((part, j) => {
          if (!isObject(part)) return;
          const at = `${member}[${i}].${inner}[${j}]`;
          add(part.file_id, `${at}.file_id`);
          if (isObject(part.file)) add(part.file.file_id, `${at}.file.file_id`);
        });
      }
    });
  }
  listOf(request.tools).forEach((tool, i) => {
    if (!isObject(tool)) return;
    addAll(tool.vector_store_ids, `tools[${i}].vector_store_ids`);
    const { container } = tool;
    if (isObject(container)) addAll(container.file_ids, `tools[${i}].container.file_ids`);
  });
  return named;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
