import type { Fields } from '../../src/http1/fields.js';
import type { MessageParser } from '../../src/http1/message-parser.js';
import { ProtocolError } from '../../src/http1/protocol-error.js';
import { type RequestHead, RequestParser } from '../../src/http1/request-parser.js';
import { type ResponseHead, ResponseParser } from '../../src/http1/response-parser.js';

/** One message as read: `fields` as a flat list, the body and trailers put together. */
export interface Read<Head> {
  head: Omit<Head, 'fields'> & { fields: string[] };
  body: string;
  trailers: string[] | null;
  ended: boolean;
}

export interface Reading<Head> {
  messages: Read<Head>[];
  /** The error, or null. */
  error: ProtocolError | null;
}

/** Reads a stream of requests that arrives in these pieces. */
export function readRequests(pieces: readonly (string | Buffer)[]): Reading<RequestHead> {
  return read((handler) => new RequestParser(handler), pieces);
}

/** Reads a stream of responses to these methods, and its end. */
export function readResponses(
  pieces: readonly (string | Buffer)[],
  methods: readonly string[] = ['GET'],
): Reading<ResponseHead> {
  let answered = 0;
  return read(
    (handler) => {
      const parser = new ResponseParser({
        ...handler,
        onEnd(trailers) {
          handler.onEnd(trailers);
          parser.expect(methods[++answered] ?? 'GET');
        },
      });
      parser.expect(methods[0] ?? 'GET');
      return parser;
    },
    pieces,
    (parser) => parser.finish(),
  );
}

interface Handler<Head> {
  onHead(head: Head): void;
  onBody(piece: Buffer): void;
  onEnd(trailers: Fields | null): void;
}

function read<Head extends { fields: Fields }, Parser extends MessageParser<Head>>(
  open: (handler: Handler<Head>) => Parser,
  pieces: readonly (string | Buffer)[],
  finish: (parser: Parser) => void = () => {},
): Reading<Head> {
  const messages: Read<Head>[] = [];
  const last = () => messages.at(-1) as Read<Head>;
  const parser = open({
    onHead(head) {
      const { fields, ...rest } = head;
      messages.push({
        head: { ...rest, fields: fields.toList() },
        body: '',
        trailers: null,
        ended: false,
      });
    },
    onBody(piece) {
      last().body += piece.toString('latin1');
    },
    onEnd(trailers) {
      last().trailers = trailers?.toList() ?? null;
      last().ended = true;
    },
  });
  try {
    for (const piece of pieces) {
      // A copy, since the parser may move what it is given.
      const chunk = typeof piece === 'string' ? Buffer.from(piece, 'latin1') : Buffer.from(piece);
      let at = 0;
      while (at < chunk.length) at = parser.push(chunk, at);
    }
    finish(parser);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { messages, error };
  }
  return { messages, error: null };
}

/** All ways to read `text` in two pieces, and byte by byte. */
export function cuts(text: string): string[][] {
  const all = [[text], [...text]];
  for (let i = 1; i < text.length; i++) all.push([text.slice(0, i), text.slice(i)]);
  return all;
}
