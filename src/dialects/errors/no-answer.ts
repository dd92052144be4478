import { isObject } from '../conversation/read.js';
import { isSpace, startOf } from '../stream/beginning.js';
import { isBareError, parsedJson } from './answer-error.js';

/** Tells if a whole body with a status of success can be an answer. @param type as declared. */
export type IsAnswer = (body: Buffer, type: string | undefined) => boolean;

/**
 * For answers that are a JSON object. Refused are bodies that are empty or an error of something in
 * between, such as `{"message": …}`, and what is called JSON but is not, or is cut. Only a body
 * without the usual members is parsed.
 * @param members alternatives, as in a regular expression, one of which every answer has.
 * @param lists true if some providers answer with an array of objects.
 */
export function jsonWith(members: string, lists = false): IsAnswer {
  const member = new RegExp(`"(?:${members})"\\s*:\\s*(null)?`);
  return (body, type = '') => {
    const first = body[startOf(body)];
    const end = first === 0x7b ? 0x7d : lists && first === 0x5b ? 0x5d : null;
    if (end === null || lastByte(body) !== end) {
      return !isJson.test(type) && !isPage(body, type) && !isEmpty(body);
    }
    const [found, isNull] = member.exec(body.toString('latin1')) ?? [];
    if (found !== undefined) return isNull === undefined;
    return !isError(parsedJson(body.toString()));
  };
}

const isJson = /^application\/(?:[\w.-]+\+)?json\b/i;

/** True for a body without an answer: nothing, `null` or an empty list. */
function isEmpty(body: Buffer): boolean {
  return body.length <= 64 && /^\s*(?:null|\[\s*\])?\s*$/.test(body.toString());
}

/**
 * For answers that are bytes or text, where some have JSON with one of these members.
 * @param quoted true if some servers write their text as JSON.
 */
export function bytesOrJsonWith(members: string, quoted = false): IsAnswer {
  const isWhole = jsonWith(members);
  return (body, type = '') => {
    if (isPage(body, type)) return false;
    if (isJson.test(type)) return (quoted && body[startOf(body)] === 0x22) || isWhole(body, type);
    // The text of silence is empty.
    return body.length > 0 || /^text\//i.test(type);
  };
}

/**
 * True for a web page: of a proxy or a login in between, or of a provider's website. Some servers
 * call their JSON one.
 */
export function isPage(body: Buffer, type = ''): boolean {
  return /^(?:text\/html|application\/xhtml\+xml)\b/i.test(type) && body[startOf(body)] === 0x3c;
}

/** Members of errors. */
const errorNames = /^(?:err|detail|fault|exception|trace|(?:message|msg|title)$)/i;
/** Members that errors have besides, and answers too. */
const companions = /^(?:code|status|reason|type|instance|path|timestamp|request_?id)$/i;

/**
 * True for JSON that holds no answer, or only that something went wrong, in no form of its dialect.
 * @param value parsed, without any member that makes it an answer; undefined: not JSON.
 */
export function isError(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (Array.isArray(value)) return value.every(isError);
  if (!isObject(value)) return false;
  const told = Object.keys(value).filter((name) => value[name] !== null);
  const others = told.filter((name) => !errorNames.test(name));
  const isOnlyError = others.length < told.length && others.every((name) => companions.test(name));
  return isOnlyError || isBareError(value);
}

function lastByte(body: Buffer): number | undefined {
  let at = body.length - 1;
  while (isSpace(body[at])) at--;
  return body[at];
}
