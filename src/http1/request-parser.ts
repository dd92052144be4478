import { hostBytes } from './characters.js';
import type { Fields } from './fields.js';
import { connectionFields, type Framing } from './framing.js';
import { defaultLimits, type MessageLimits } from './limits.js';
import { type MessageHandler, MessageParser } from './message-parser.js';
import { ProtocolError } from './protocol-error.js';
import { RequestSection } from './request-section.js';

/** The head of a request. */
export interface RequestHead {
  readonly method: string;
  /** Undecoded and without the query; `*` for the server as a whole. */
  readonly path: string;
  /** Undecoded and without the question mark. */
  readonly query: string;
  readonly isVersion10: boolean;
  readonly fields: Fields;
  /** Bytes of the body, or `chunked`. */
  readonly length: Framing;
  /** True if the client allows the connection to be reused. */
  readonly keepAlive: boolean;
  /** True if the client waits for `100 Continue` before it sends the body. */
  readonly expectsContinue: boolean;
  /** The protocol that the client wants to switch to, as written; else empty. */
  readonly upgrade: string;
}

/**
 * Requests of one connection. A request for an upgrade is parsed like any other; after accepting
 * it, push no more bytes.
 */
export class RequestParser extends MessageParser<RequestHead> {
  private readonly head: RequestSection;

  constructor(handler: MessageHandler<RequestHead>, limits: MessageLimits = defaultLimits) {
    const section = new RequestSection(limits);
    super(handler, section, limits);
    this.head = section;
  }

  /**
   * The path of a request whose head is incomplete or was refused; empty where unknown.
   * @param chunk the last bytes read, in which the head may begin.
   */
  unfinishedPath(chunk: Buffer, from: number): string {
    return pathIn(this.head.arrived ?? chunk.subarray(from));
  }

  protected override finishHead(): RequestHead {
    const { text, fields, methodStart, methodEnd, targetEnd, minor } = this.head;
    const isVersion10 = minor === 0;
    const { length, close, keepAlive, upgrade } = connectionFields(fields, isVersion10);
    const method = text.slice(methodStart, methodEnd);
    const target = text.slice(methodEnd + 1, targetEnd);
    const expect = checkFields(fields, isVersion10);
    const path = pathOf(method, target);
    const mark = path.indexOf('?');
    this.follow(length ?? 0);
    return {
      method,
      path: mark < 0 ? path : path.slice(0, mark),
      query: mark < 0 ? '' : path.slice(mark + 1),
      isVersion10,
      fields,
      length: length ?? 0,
      keepAlive: !close && (!isVersion10 || keepAlive),
      expectsContinue: expect && !isVersion10,
      upgrade: isVersion10 ? '' : upgrade,
    };
  }
}

/** The path in the first line of a request that may not be valid; empty where there is none. */
export function pathIn(head: Buffer): string {
  const line = head.toString('latin1', 0, 4_096);
  return /^[\r\n]*[!-~]+ (?:https?:\/\/[^/? ]*)?([^? \r\n]*)/i.exec(line)?.[1] ?? '';
}

/**
 * Checks `Host` (RFC 9112, section 3.2) and `Expect`.
 * @returns whether `100-continue` is expected.
 */
function checkFields(fields: Fields, isVersion10: boolean): boolean {
  let hosts = 0;
  let expect = false;
  const { count } = fields;
  for (let i = 0; i < count; i++) {
    const length = fields.nameLength(i);
    if (length === 4 && fields.isNamed(i, 'host')) {
      hosts++;
      checkHost(fields.value(i));
    } else if (length === 6 && fields.isNamed(i, 'expect')) {
      if (fields.value(i).toLowerCase() !== '100-continue') {
        throw new ProtocolError('what the request expects is not known here', 417);
      }
      expect = true;
    }
  }
  if (hosts > 1) throw new ProtocolError('host is sent twice');
  if (hosts === 0 && !isVersion10) throw new ProtocolError('host is missing');
  return expect;
}

function checkHost(value: string): void {
  for (let i = 0; i < value.length; i++) {
    if (hostBytes[value.charCodeAt(i)] !== 1) throw new ProtocolError('host is not valid');
  }
}

/**
 * The path and query of a target; of absolute-form, the part after the authority.
 * @throws ProtocolError where it has none.
 */
export function pathOf(method: string, target: string): string {
  if (target.charCodeAt(0) === 0x2f) return target;
  if (target === '*' && method === 'OPTIONS') return target;
  const start = schemeLength(target);
  if (start === 0) throw new ProtocolError('the request target is not a path');
  let end = start;
  while (end < target.length && target[end] !== '/' && target[end] !== '?') end++;
  const authority = target.slice(start, end);
  if (authority === '' || authority.includes('@')) {
    throw new ProtocolError('the authority of the request target is not valid');
  }
  checkHost(authority);
  return target[end] === '/' ? target.slice(end) : `/${target.slice(end)}`;
}

function schemeLength(target: string): number {
  for (const scheme of ['http://', 'https://']) {
    if (target.slice(0, scheme.length).toLowerCase() === scheme) return scheme.length;
  }
  return 0;
}
