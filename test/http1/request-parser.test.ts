import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { chunked } from '../../src/http1/framing.js';
import { defaultLimits } from '../../src/http1/limits.js';
import { RequestParser } from '../../src/http1/request-parser.js';
import { cuts, readRequests } from './read-for-test.js';

const crlf = '\r\n';
const request = (...lines: string[]) => `${lines.join(crlf)}${crlf}${crlf}`;
const get = (...fields: string[]) => request('GET / HTTP/1.1', 'Host: h', ...fields);
const post = (...fields: string[]) => request('POST / HTTP/1.1', 'Host: h', ...fields);

describe('a request', () => {
  it('is read the same wherever the stream is cut', () => {
    const stream =
      `${crlf}POST /v1/a%20b?q=%2F&r HTTP/1.1${crlf}hOST:h:80${crlf}X-Empty:${crlf}` +
      `X-Odd:\t \xe9 x \t${crlf}Content-Length: 5${crlf}${crlf}hello` +
      `PUT http://other:8/p HTTP/1.1${crlf}Host: h${crlf}Transfer-Encoding: Chunked${crlf}${crlf}` +
      `3;a="b"${crlf}abc${crlf}00A${crlf}0123456789${crlf}0${crlf}X-T: 1${crlf}${crlf}` +
      `OPTIONS * HTTP/1.0${crlf}Connection: Keep-Alive, x${crlf}${crlf}`;
    const whole = readRequests([stream]);
    assert.equal(whole.error, null);
    assert.deepEqual(whole.messages, [
      {
        head: {
          method: 'POST',
          path: '/v1/a%20b',
          query: 'q=%2F&r',
          isVersion10: false,
          length: 5,
          keepAlive: true,
          expectsContinue: false,
          upgrade: '',
          fields: ['host', 'h:80', 'x-empty', '', 'x-odd', '\xe9 x', 'content-length', '5'],
        },
        body: 'hello',
        trailers: null,
        ended: true,
      },
      {
        head: {
          method: 'PUT',
          path: '/p',
          query: '',
          isVersion10: false,
          length: chunked,
          keepAlive: true,
          expectsContinue: false,
          upgrade: '',
          fields: ['host', 'h', 'transfer-encoding', 'Chunked'],
        },
        body: 'abc0123456789',
        trailers: ['x-t', '1'],
        ended: true,
      },
      {
        head: {
          method: 'OPTIONS',
          path: '*',
          query: '',
          isVersion10: true,
          length: 0,
          keepAlive: true,
          expectsContinue: false,
          upgrade: '',
          fields: ['connection', 'Keep-Alive, x'],
        },
        body: '',
        trailers: null,
        ended: true,
      },
    ]);
    for (const pieces of cuts(stream)) assert.deepEqual(readRequests(pieces), whole);
  });

  it('says whether the connection stays, and what it asks for', () => {
    const keeps = (text: string) => readRequests([text]).messages[0]?.head.keepAlive;
    assert.equal(keeps(get()), true);
    assert.equal(keeps(get('Connection: CLOSE')), false);
    assert.equal(keeps(get('Connection: x, close', 'Connection: keep-alive')), false);
    assert.equal(keeps(request('GET / HTTP/1.0')), false);
    assert.equal(keeps(request('GET / HTTP/1.0', 'Connection: keep-alive')), true);
    const upgrades = (text: string) => readRequests([text]).messages[0]?.head.upgrade;
    assert.equal(upgrades(get('Upgrade: websocket', 'Connection: Upgrade')), 'websocket');
    assert.equal(upgrades(get('Upgrade: websocket')), '');
    assert.equal(upgrades(request('GET / HTTP/1.0', 'Upgrade: a', 'Connection: upgrade')), '');
    const expects = (text: string) => readRequests([text]).messages[0]?.head.expectsContinue;
    assert.equal(expects(post('Expect: 100-Continue', 'Content-Length: 1')), true);
    assert.equal(expects(post('Content-Length: 1')), false);
    assert.equal(expects(request('POST / HTTP/1.0', 'Expect: 100-continue')), false);
  });

  it('in absolute form is for its path', () => {
    const target = (text: string) => {
      const head = readRequests([request(`GET ${text} HTTP/1.1`, 'Host: h')]).messages[0]?.head;
      return head && [head.path, head.query];
    };
    assert.deepEqual(target('HTTP://h/a?b?c'), ['/a', 'b?c']);
    assert.deepEqual(target('https://h:443'), ['/', '']);
    assert.deepEqual(target('http://[::1]:80?q'), ['/', 'q']);
    for (const wrong of ['http:///a', 'http://u@h/', 'ftp://h/', 'h:80', 'a', '*', 'http://h\\/']) {
      assert.equal(target(wrong), undefined, wrong);
    }
  });

  it('gives the first field of a name, and none where there is none', () => {
    let value: (string | null)[] = [];
    const parser = new RequestParser({
      onHead: ({ fields }) => {
        value = [fields.get('x-two'), fields.get('x-tw'), fields.get('x-twoo'), fields.get('host')];
      },
      onBody: () => {},
      onEnd: () => {},
    });
    parser.push(Buffer.from(get('X-Two: 1', 'x-TWO: 2')));
    assert.deepEqual(value, ['1', null, null, 'h']);
    // `^` and `~` differ in the bit by which letters differ.
    parser.push(Buffer.from(get('x^two: 1')));
    assert.deepEqual(value, [null, null, null, 'h']);
  });

  it('leaves what follows it to the caller', () => {
    const heads: string[] = [];
    const parser = new RequestParser({
      onHead: ({ path }) => heads.push(path),
      onBody: () => {},
      onEnd: () => {},
    });
    const first = get();
    const bytes = Buffer.from(first + request('GET /2 HTTP/1.1', 'Host: h'));
    const second = parser.push(bytes);
    assert.equal(second, first.length);
    assert.equal(parser.isIdle, true);
    assert.deepEqual(heads, ['/']);
    assert.equal(parser.push(bytes, second), bytes.length);
    assert.deepEqual(heads, ['/', '/2']);
  });

  it('knows whether it is in the middle of one', () => {
    const parser = new RequestParser({ onHead() {}, onBody() {}, onEnd() {} });
    const state = () => [parser.isIdle, parser.isInHead];
    assert.deepEqual(state(), [true, false]);
    parser.push(Buffer.from('G'));
    assert.deepEqual(state(), [false, true]);
    assert.throws(() => parser.finish(), /middle of a message/);
    parser.push(Buffer.from('ET / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nx'));
    assert.deepEqual(state(), [false, false]);
    assert.throws(() => parser.finish(), /middle of a message/);
    parser.push(Buffer.from('x'));
    assert.deepEqual(state(), [true, false]);
    parser.finish();
  });
});

describe('a request is refused', () => {
  const refused: Record<string, readonly [text: string, status: number, reason: RegExp]> = {
    'without a method': [' / HTTP/1.1', 400, /begin with a method/],
    'with a method that is no token': ['GE(T / HTTP/1.1', 400, /begin with a method/],
    'with a method without end': ['G'.repeat(40), 400, /method is too long/],
    'with a tab in the request line': ['GET\t/ HTTP/1.1', 400, /begin with a method/],
    'with two spaces': ['GET  / HTTP/1.1', 400, /target/],
    'with a fragment': ['GET /#a HTTP/1.1', 400, /target/],
    'with a control character in the target': ['GET /\x01 HTTP/1.1', 400, /target/],
    'with a byte above 127 in the target': ['GET /\xe9 HTTP/1.1', 400, /target/],
    'with no version': ['GET /\r\n', 400, /target/],
    'with a space after the version': ['GET / HTTP/1.1 \r\n', 400, /end with an HTTP version/],
    'of HTTP/2': ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505, /not supported/],
    'of HTTP/1.2': ['GET / HTTP/1.2\r\n', 505, /not supported/],
    'of HTTP/0.9': ['GET / HTTP/0.9\r\n', 505, /not supported/],
    'with a version in lower case': ['GET / http/1.1\r\n', 400, /end with an HTTP version/],
    'with a version that is no number': ['GET / HTTP/1.x\r\n', 400, /version is not valid/],
    'with a bare line feed in the request line': ['GET / HTTP/1.1\nHost: h\n\n', 400, /version/],
    'with five empty lines before it': [crlf.repeat(5), 400, /empty lines/],
    'with a bare carriage return before it': ['\rGET / HTTP/1.1', 400, /carriage return/],
    'without a host': [request('GET / HTTP/1.1'), 400, /host is missing/],
    'with two hosts': [get('Host: h'), 400, /host is sent twice/],
    'with a host that is none': [request('GET / HTTP/1.1', 'Host: a b'), 400, /host is not valid/],
    'with a path in its host': [request('GET / HTTP/1.1', 'Host: a/b'), 400, /host is not valid/],
    'with a space before a colon': [get('X : y'), 400, /space between/],
    'with a folded line': [get('X: y', ' z'), 400, /begins with a space/],
    'with a line folded by a tab': [get('X: y', '\tz'), 400, /begins with a space/],
    'with a space before the first field': [
      request('GET / HTTP/1.1', ' Host: h'),
      400,
      /begins with a space/,
    ],
    'with a field without a name': [get(': y'), 400, /name of a field/],
    'with a field without a colon': [get('X'), 400, /name of a field/],
    'with a bracket in the name of a field': [get('X[: y'), 400, /name of a field/],
    'with a NUL in a value': [get('X: a\0b'), 400, /control character/],
    'with a DEL in a value': [get('X: a\x7fb'), 400, /control character/],
    'with an escape in a value': [get('X: \x1b[1m'), 400, /control character/],
    'with a bare carriage return in a value': [get('X: a\rb'), 400, /carriage return/],
    'with a bare line feed in a value': [get('X: a\nY: b'), 400, /control character/],
    'with a bare line feed after a value': [`GET / HTTP/1.1${crlf}Host: h\n\n`, 400, /control/],
    'with a bare carriage return at its end': [
      `GET / HTTP/1.1${crlf}Host: h${crlf}\rX`,
      400,
      /carriage return/,
    ],
    'with two lengths': [post('Content-Length: 3', 'Content-Length: 4'), 400, /sent twice/],
    'with one length twice': [post('Content-Length: 3', 'Content-Length: 3'), 400, /sent twice/],
    'with a list of lengths': [post('Content-Length: 3, 3'), 400, /not a number/],
    'with a negative length': [post('Content-Length: -1'), 400, /not a number/],
    'with a signed length': [post('Content-Length: +1'), 400, /not a number/],
    'with a hexadecimal length': [post('Content-Length: 0x1'), 400, /not a number/],
    'with a tab after the length': [post('Content-Length: 3\t'), 400, /not a number/],
    'with an empty length': [post('Content-Length:'), 400, /not a number/],
    'with a length that no number holds': [
      post(`Content-Length: ${'9'.repeat(16)}`),
      400,
      /too large/,
    ],
    'with a length and chunks': [
      post('Content-Length: 3', 'Transfer-Encoding: chunked'),
      400,
      /with transfer-encoding/,
    ],
    'with chunks and a length of zero': [
      post('Transfer-Encoding: chunked', 'Content-Length: 0'),
      400,
      /with transfer-encoding/,
    ],
    'with chunks twice': [
      post('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'),
      400,
      /sent twice/,
    ],
    'with a coding before chunked': [post('Transfer-Encoding: gzip, chunked'), 400, /not chunked/],
    'with a coding after chunked': [post('Transfer-Encoding: chunked, gzip'), 400, /not chunked/],
    'with another coding': [post('Transfer-Encoding: identity'), 400, /not chunked/],
    'with no coding': [post('Transfer-Encoding:'), 400, /not chunked/],
    'with a tab after chunked': [post('Transfer-Encoding: chunked\t'), 400, /not chunked/],
    'with chunked in quotes': [post('Transfer-Encoding: "chunked"'), 400, /not chunked/],
    'with a vertical tab before chunked': [post('Transfer-Encoding: \vchunked'), 400, /control/],
    'with chunks in HTTP/1.0': [
      request('POST / HTTP/1.0', 'Transfer-Encoding: chunked'),
      400,
      /with HTTP\/1.0/,
    ],
    'that expects something else': [get('Expect: 200-ok'), 417, /expects/],
    'to connect': [request('CONNECT h:80 HTTP/1.1', 'Host: h'), 400, /not a path/],
  };
  for (const [what, [text, status, reason]] of Object.entries(refused)) {
    it(what, () => {
      for (const pieces of [[text], [...text]]) {
        const { messages, error } = readRequests(pieces);
        assert.deepEqual(messages, []);
        assert.match(error?.message ?? '', reason);
        assert.equal(error?.status, status);
      }
    });
  }

  it('at the first byte that is wrong, not at the end of the head', () => {
    assert.match(readRequests(['GET / HTTP/1.1\r\nX : ']).error?.message ?? '', /space between/);
  });
});

describe('a limit', () => {
  const { startLineBytes, headBytes, fieldCount } = defaultLimits;
  /** `passes`, or the status of the refusal; the same whole and byte by byte. */
  const outcome = (text: string) => {
    const [whole, cut] = [readRequests([text]), readRequests([...text])];
    assert.deepEqual(cut, whole);
    return whole.error?.status ?? whole.messages.length;
  };

  it('of the target lets exactly so much pass', () => {
    const target = (bytes: number) => request(`GET /${'a'.repeat(bytes - 1)} HTTP/1.1`, 'Host: h');
    assert.equal(outcome(target(startLineBytes)), 1);
    assert.equal(outcome(target(startLineBytes + 1)), 414);
    assert.equal(readRequests([`GET /${'a'.repeat(startLineBytes)}`]).error?.status, 414);
  });

  it('of the head lets exactly so much pass', () => {
    const head = (bytes: number) => get(`X: ${'a'.repeat(bytes - get('X: ').length)}`);
    assert.equal(outcome(head(headBytes)), 1);
    assert.equal(outcome(head(headBytes + 1)), 431);
    assert.equal(readRequests([head(headBytes + 5).slice(0, headBytes + 1)]).error?.status, 431);
  });

  it('of the number of fields lets exactly so many pass', () => {
    const fields = (count: number) => get(...Array.from({ length: count - 1 }, () => 'X:'));
    assert.equal(outcome(fields(fieldCount)), 1);
    assert.equal(outcome(fields(fieldCount + 1)), 431);
  });
});

it('reads any fields back, cut anywhere', () => {
  const name = fc
    .array(fc.constantFrom(..."aZ09!#$%&'*+-.^_`|~"), { minLength: 1, maxLength: 12 })
    .map((letters) => `x${letters.join('')}`);
  const value = fc
    .array(fc.oneof(fc.integer({ min: 0x20, max: 0x7e }), fc.integer({ min: 0x80, max: 0xff })), {
      maxLength: 40,
    })
    .map((bytes) => Buffer.from(bytes).toString('latin1').trim());
  fc.assert(
    fc.property(
      fc.array(fc.tuple(name, value), { maxLength: 20 }),
      fc.array(fc.nat(1000), { maxLength: 5 }),
      (fields, places) => {
        const text = get(...fields.map(([key, content]) => `${key}:${content}`));
        const pieces: string[] = [];
        let from = 0;
        for (const place of [...places.sort((a, b) => a - b), text.length]) {
          if (place > from) pieces.push(text.slice(from, place));
          from = Math.max(from, Math.min(place, text.length));
        }
        const { messages, error } = readRequests(pieces);
        assert.equal(error, null);
        const expected = fields.flatMap(([key, content]) => [key.toLowerCase(), content]);
        assert.deepEqual(messages[0]?.head.fields, ['host', 'h', ...expected]);
      },
    ),
  );
});
