import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chunked, untilClose } from '../../src/http1/framing.js';
import { defaultLimits } from '../../src/http1/limits.js';
import { ResponseParser } from '../../src/http1/response-parser.js';
import { cuts, readResponses } from './read-for-test.js';

const response = (...lines: string[]) => `${lines.join('\r\n')}\r\n\r\n`;
const ok = (...fields: string[]) => response('HTTP/1.1 200 OK', ...fields);

describe('a response', () => {
  it('is read the same wherever the stream is cut', () => {
    const stream =
      `${response('HTTP/1.1 100 Continue')}${ok('Content-Length: 5', 'X: \xe9')}hello` +
      `${response('HTTP/1.1 200', 'Transfer-Encoding: chunked')}3\r\nabc\r\n0\r\nT: 1\r\n\r\n` +
      `${response('HTTP/1.1 404 ', 'Content-Length: 9')}` +
      `${response('HTTP/1.0 500 Oh\t\xe9', 'Connection: keep-alive')}the rest`;
    const methods = ['GET', 'GET', 'HEAD', 'GET'];
    const whole = readResponses([stream], methods);
    assert.equal(whole.error, null);
    assert.deepEqual(
      whole.messages.map(({ head, body, trailers, ended }) => [
        head.status,
        head.length,
        head.keepAlive,
        head.isVersion10,
        body,
        trailers,
        ended,
      ]),
      [
        [200, 5, true, false, 'hello', null, true],
        [200, chunked, true, false, 'abc', ['t', '1'], true],
        [404, 0, true, false, '', null, true],
        [500, untilClose, false, true, 'the rest', null, true],
      ],
    );
    assert.deepEqual(whole.messages[0]?.head.fields, ['content-length', '5', 'x', '\xe9']);
    for (const pieces of cuts(stream)) assert.deepEqual(readResponses(pieces, methods), whole);
  });

  it('without a body says so, whatever its fields say', () => {
    for (const status of [204, 304]) {
      const text = response(`HTTP/1.1 ${status} X`, 'Content-Length: 5') + ok('Content-Length: 0');
      assert.equal(readResponses([text]).messages.length, 2);
    }
  });

  it('says whether the connection stays', () => {
    const keeps = (text: string) => readResponses([text]).messages[0]?.head.keepAlive;
    assert.equal(keeps(ok('Content-Length: 0')), true);
    assert.equal(keeps(ok('Content-Length: 0', 'Connection: close')), false);
    assert.equal(keeps(ok()), false);
    assert.equal(keeps(response('HTTP/1.0 200 OK', 'Content-Length: 0')), false);
    const old = response('HTTP/1.0 200 OK', 'Content-Length: 0', 'Connection: keep-alive');
    assert.equal(keeps(old), true);
  });

  it('101 leaves what follows alone', () => {
    let status = 0;
    const parser = new ResponseParser({
      onHead: (head) => {
        status = head.status;
      },
      onBody: () => assert.fail('no body'),
      onEnd: () => assert.fail('no end'),
    });
    const text = response('HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket');
    assert.equal(parser.push(Buffer.from(`${text}frames`)), text.length);
    assert.equal(status, 101);
    parser.finish();
  });

  it('is preceded by a few interim ones at most', () => {
    const interim = response('HTTP/1.1 103 Early Hints', 'Link: x');
    const last = ok('Content-Length: 0');
    const allowed = interim.repeat(16);
    assert.equal(readResponses([allowed + last]).messages.length, 1);
    assert.equal(readResponses([(allowed + last).repeat(2)]).messages.length, 2);
    assert.match(readResponses([allowed + interim]).error?.message ?? '', /too many 1xx/);
  });

  const refused: Record<string, readonly [text: string, reason: RegExp]> = {
    'an empty line before it': [`\r\n${ok('Content-Length: 0')}`, /status line/],
    'another protocol': ['ICY 200 OK\r\n\r\n', /status line/],
    'HTTP/2': ['HTTP/2 200\r\n\r\n', /status line/],
    'HTTP/1.2': [response('HTTP/1.2 200 OK'), /version is not supported/],
    'a status of two digits': [response('HTTP/1.1 20 OK'), /status is not valid/],
    'a status of four digits': [response('HTTP/1.1 2000 OK'), /status line is not valid/],
    'a status below 100': [response('HTTP/1.1 099 OK'), /status is not valid/],
    'a bare line feed': ['HTTP/1.1 200 OK\nContent-Length: 0\n\n', /status line is not valid/],
    'a bare carriage return': ['HTTP/1.1 200 OK\rX: y\r\n\r\n', /carriage return/],
    'a control character in its reason': ['HTTP/1.1 200 \x01\r\n\r\n', /status line is not valid/],
    'a reason without end': [
      `HTTP/1.1 200 ${'a'.repeat(defaultLimits.startLineBytes + 2)}`,
      /reason phrase is too long/,
    ],
    'both lengths': [ok('Content-Length: 1', 'Transfer-Encoding: chunked'), /sent with/],
    'two lengths': [ok('Content-Length: 1', 'Content-Length: 1'), /sent twice/],
    'another coding': [ok('Transfer-Encoding: gzip, chunked'), /not chunked/],
    'a folded line': [ok('X: a', ' b', 'Content-Length: 0'), /begins with a space/],
    'an end within its head': ['HTTP/1.1 200 OK\r\nConte', /middle of a message/],
    'an end within its body': [`${ok('Content-Length: 5')}abc`, /middle of a message/],
    'an end within its chunks': [
      `${ok('Transfer-Encoding: chunked')}3\r\nabc\r\n`,
      /middle of a message/,
    ],
  };
  for (const [what, [text, reason]] of Object.entries(refused)) {
    it(`with ${what} is refused`, () => {
      for (const pieces of [[text], [...text]]) {
        const { messages, error } = readResponses(pieces);
        assert.match(error?.message ?? '', reason);
        assert.ok(messages.every(({ ended }) => !ended));
      }
    });
  }
});
