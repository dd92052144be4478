import { METHODS } from 'node:http';
import { createRequire } from 'node:module';
import type { RequestHead } from '../../src/http1/request-parser.js';
import { type Read, readRequests } from './read-for-test.js';

/**
 * A differential fuzz of our request parser against that of `node:http` (llhttp): generated and
 * mutated streams of requests. Ours may refuse more; what it accepts must be read the same.
 */

/** A request as both parsers report it. */
interface Seen {
  method: string;
  url: string;
  headers: string[];
  body: string;
}

interface NodeParser {
  initialize(type: number, resource: object): void;
  execute(bytes: Buffer): number | Error;
  close(): void;
  [callback: number]: unknown;
}

interface NodeParserClass {
  new (): NodeParser;
  REQUEST: number;
  kOnHeaders: number;
  kOnHeadersComplete: number;
  kOnBody: number;
  kOnMessageComplete: number;
}

// The parser below `node:http`, without its server: a million requests take seconds.
const { HTTPParser, methods } = createRequire(import.meta.url)('_http_common') as {
  HTTPParser: NodeParserClass;
  methods: string[];
};

const known = new Set(METHODS);

/** A reproducible source of numbers below `limit`. */
export type Random = (limit: number) => number;

/** mulberry32 */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * limit) | 0;
  };
}

const lines = [
  ...['Host: h', 'Host: h:80', 'Host:', 'HOST: [::1]', 'Host: a b'],
  ...['Content-Length: 5', 'Content-Length: 0', 'Content-Length: 05', 'Content-Length: +5'],
  ...['Content-Length: 5, 5', 'Content-Length: 5 ', 'Content-Length : 5', 'content-length:5'],
  ...[
    'Transfer-Encoding: chunked',
    'transfer-encoding: Chunked',
    'Transfer-Encoding: gzip, chunked',
  ],
  ...[
    'Transfer-Encoding: chunked, gzip',
    'Transfer-Encoding:\tchunked',
    'Transfer-Encoding: xchunked',
  ],
  ...['Transfer-Encoding : chunked', 'Transfer_Encoding: chunked', 'Transfer-Encoding: identity'],
  ...['Connection: close', 'Connection: keep-alive', 'Connection: x, Close'],
  ...[
    'Expect: 100-continue',
    'X: a',
    'X:',
    'X: a\tb ',
    'X: \xe9\xff',
    ' folded',
    'X: a\r\n b',
    'X',
  ],
  ...['Authorization: Bearer sk-abc', 'Content-Type: application/json', 'Accept: */*'],
];
const firstLines = [
  ...['GET / HTTP/1.1', 'POST /v1/chat/completions HTTP/1.1', 'GET /a?b=c&d HTTP/1.1'],
  ...['GET / HTTP/1.0', 'PUT http://h/a HTTP/1.1', 'OPTIONS * HTTP/1.1', 'HEAD / HTTP/1.1'],
  ...['GET  / HTTP/1.1', 'GET / HTTP/1.1 ', 'get / HTTP/1.1', 'GET / HTTP/2.0', 'GET /'],
  ...['GET /%00 HTTP/1.1', 'GET /\xe9 HTTP/1.1', 'GET /a#b HTTP/1.1', 'GET h HTTP/1.1'],
];
const bodies = [
  ...[
    '',
    '',
    'hello',
    '5\r\nhello\r\n0\r\n\r\n',
    '0\r\n\r\n',
    '5;a=b\r\nhello\r\n0\r\nT: 1\r\n\r\n',
  ],
  ...[
    '5\nhello\n0\n\n',
    '05\r\nhello\r\n000\r\n\r\n',
    '5 \r\nhello\r\n0\r\n\r\n',
    '0x5\r\nhello\r\n',
  ],
  ...[
    '5\r\nhelloX\r\n0\r\n\r\n',
    'ffffffffffffffff\r\n',
    '5\r\nhello\r\n0\r\nGET / HTTP/1.1\r\n\r\n',
  ],
];
const odd = '\r\n\0\t :;,\x7f\x80\xff0159aAfFgG-_+()"/?#\v\f\x1b';

/** A stream of one to three requests, most of them nearly right. */
export function generate(random: Random): string {
  const pick = <T>(from: readonly T[]) => from[random(from.length)] as T;
  let stream = '';
  for (let count = 1 + random(3); count > 0; count--) {
    const chosen = [random(10) === 0 ? pick(firstLines) : pick(firstLines.slice(0, 4))];
    if (random(8) > 0) chosen.push('Host: h');
    const framing = random(4);
    if (framing === 0) chosen.push('Content-Length: 5');
    if (framing === 1) chosen.push('Transfer-Encoding: chunked');
    for (let more = random(4); more > 0; more--) chosen.push(pick(lines));
    const right = framing === 0 ? 'hello' : framing === 1 ? pick(bodies.slice(3, 6)) : '';
    stream += `${chosen.join('\r\n')}\r\n\r\n${random(4) === 0 ? pick(bodies) : right}`;
  }
  for (let changes = random(3); changes > 0; changes--) stream = mutate(stream, random);
  return stream;
}

function mutate(text: string, random: Random): string {
  const at = random(text.length + 1);
  const to = Math.min(text.length, at + 1 + random(4));
  const byte = odd[random(odd.length)] as string;
  switch (random(6)) {
    case 0:
      return text.slice(0, at) + byte + text.slice(at);
    case 1:
      return text.slice(0, at) + byte + text.slice(at + 1);
    case 2:
      return text.slice(0, at) + text.slice(to);
    case 3:
      return text.slice(0, at) + text.slice(at, to) + text.slice(at);
    case 4:
      return text.slice(0, at) + String.fromCharCode(random(256)) + text.slice(at + 1);
    default: {
      const line = lines[random(lines.length)] as string;
      const end = text.indexOf('\r\n', at);
      return end < 0 ? text : `${text.slice(0, end)}\r\n${line}${text.slice(end)}`;
    }
  }
}

/** RFC 9110, section 5.5, keeps tabs around a value out of it; node:http refuses one after a length. */
const lengthThenTab = /(?<=^content-length:[ \t]*\d+)[ \t]+(?=\r\n)/gim;

/** Describes a forbidden difference between the two readings of a stream; null if there is none. */
export function difference(stream: string, random: Random): string | null {
  const ours = readRequests([stream]);
  const cut = random(stream.length + 1);
  const inPieces = readRequests([stream.slice(0, cut), stream.slice(cut)]);
  // The part of a body that is reported before an error depends on how the bytes arrive.
  for (const { messages } of [ours, inPieces]) {
    for (const message of messages) if (!message.ended) message.body = '';
  }
  if (JSON.stringify(inPieces) !== JSON.stringify(ours)) return `ours differs when cut at ${cut}`;
  const theirs = readByNode(stream.replace(lengthThenTab, (blank) => ' '.repeat(blank.length)));
  for (const [i, message] of ours.messages.entries()) {
    if (!message.ended) break;
    // node:http refuses methods that it does not know; for us they are the router's.
    if (!known.has(message.head.method)) break;
    const expected = theirs[i];
    if (expected === undefined) return `request ${i} is accepted here and refused by node:http`;
    const read = seen(message, expected.url);
    if (JSON.stringify(read) !== JSON.stringify(expected)) {
      return `request ${i} is read as ${JSON.stringify(read)}, not ${JSON.stringify(expected)}`;
    }
    if (!message.head.keepAlive) break;
  }
  return null;
}

/** Ours in the other's terms: of an absolute target it keeps the path only. */
function seen({ head, body }: Read<RequestHead>, url: string): Seen {
  const { method, path, query, fields } = head;
  const isAbsolute = /^https?:\/\//i.test(url);
  const target = query === '' && !url.endsWith('?') ? path : `${path}?${query}`;
  const asTheirs = isAbsolute && (url.endsWith(target) || path === '/') ? url : target;
  return { method, url: asTheirs, headers: fields, body };
}

/** The requests that node:http takes out of a stream, up to the first that it refuses. */
function readByNode(stream: string): Seen[] {
  const done: Seen[] = [];
  let current: Seen | null = null;
  let flushed: string[] = [];
  let flushedUrl = '';
  let closes = false;
  const parser = new HTTPParser();
  parser.initialize(HTTPParser.REQUEST, {});
  // Called for large heads, and for trailers, after which the next head arrives here too.
  parser[HTTPParser.kOnHeaders] = (headers: string[], url: string) => {
    flushed.push(...headers);
    flushedUrl += url;
  };
  parser[HTTPParser.kOnHeadersComplete] = (
    major: number,
    minor: number,
    headers: string[] | undefined,
    method: number,
    url: string | undefined,
    _status: number,
    _reason: string,
    _upgrade: boolean,
    keepAlive: boolean,
  ) => {
    const list = [...flushed, ...(headers ?? [])];
    flushed = [];
    current = {
      method: methods[method] ?? '',
      url: url ?? flushedUrl,
      headers: list.map((text, i) => (i % 2 === 0 ? text.toLowerCase() : text)),
      body: '',
    };
    // The server above the parser checks these.
    if (
      major === 1 &&
      minor === 1 &&
      !current.headers.some((t, i) => i % 2 === 0 && t === 'host')
    ) {
      throw new Error('no host');
    }
    closes = !keepAlive;
    return 0;
  };
  parser[HTTPParser.kOnBody] = (piece: Buffer) => {
    if (current) current.body += piece.toString('latin1');
  };
  parser[HTTPParser.kOnMessageComplete] = () => {
    if (current && !closes) done.push(current);
    else if (current) {
      done.push(current);
      throw new Error('the connection closes');
    }
    current = null;
    flushed = [];
    flushedUrl = '';
  };
  try {
    parser.execute(Buffer.from(stream, 'latin1'));
  } catch {
    // One of the two above; whatever completed before it counts.
  }
  parser.close();
  return done;
}
