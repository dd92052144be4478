import { hasEscapedLetters } from '../body/escaped-letters.js';
import { isObject } from '../conversation/read.js';
import type { NamedResource } from '../dialect.js';
import { parsedJson } from '../errors/answer-error.js';

/**
 * The files that the messages of a request name, or those of the requests of a batch, each with its
 * place. Most bodies name none and are only searched for the word.
 */
export function messageFilesIn(body: Buffer): NamedResource[] {
  if (!body.includes('file_id') && !hasEscapedLetters(body)) return [];
  const request = parsedJson(body.toString());
  if (!isObject(request)) return [];
  const named: NamedResource[] = [];
  namedIn(request.messages, 'messages', named);
  eachOf(request.requests, (item, i) => {
    const { params } = item;
    if (isObject(params)) namedIn(params.messages, `requests[${i}].params.messages`, named);
  });
  return named;
}

function namedIn(messages: unknown, at: string, named: NamedResource[]): void {
  eachOf(messages, ({ content }, i) => addBlocks(content, `${at}[${i}].content`, named));
}

/** Results of tools and documents hold blocks, too. */
function addBlocks(content: unknown, at: string, named: NamedResource[]): void {
  eachOf(content, (block, i) => {
    const { source, file_id } = block;
    const from = isObject(source) ? source.file_id : null;
    if (typeof file_id === 'string') named.push({ id: file_id, param: `${at}[${i}].file_id` });
    if (typeof from === 'string') named.push({ id: from, param: `${at}[${i}].source.file_id` });
    addBlocks(block.content, `${at}[${i}].content`, named);
    if (isObject(source)) addBlocks(source.content, `${at}[${i}].source.content`, named);
  });
}

function eachOf(list: unknown, act: (item: Record<string, unknown>, i: number) => void): void {
  if (!Array.isArray(list)) return;
  list.forEach((item, i) => {
    if (isObject(item)) act(item, i);
  });
}
