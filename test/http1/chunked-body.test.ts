import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ChunkedBody } from '../../src/http1/chunked-body.js';
import { defaultLimits } from '../../src/http1/limits.js';
import { cuts, readRequests } from './read-for-test.js';

const head = 'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n';

describe('a chunked body', () => {
  it('is read the same wherever it is cut, with extensions and trailers', () => {
    const text = `${head}5;a;b="c \t\xe9\\"";d=e\r\nhello\r\n0000a\r\n\r\n\r\n123456\r\n0;x\r\nA: b\r\nC:\r\n\r\n`;
    const whole = readRequests([text]);
    assert.equal(whole.error, null);
    assert.equal(whole.messages[0]?.body, 'hello\r\n\r\n123456');
    assert.deepEqual(whole.messages[0]?.trailers, ['a', 'b', 'c', '']);
    for (const pieces of cuts(text)) assert.deepEqual(readRequests(pieces), whole);
  });

  it('gives the small chunks of one read as one piece, and large ones where they are', () => {
    const large = 'x'.repeat(5000);
    const bytes = Buffer.from(`3\r\nabc\r\n2\r\nde\r\n1388\r\n${large}\r\n1\r\nf\r\n0\r\n\r\nrest`);
    const pieces: Buffer[] = [];
    const end = new ChunkedBody(defaultLimits).read(bytes, 0, (piece) => pieces.push(piece));
    assert.equal(bytes.toString('latin1', end), 'rest');
    assert.deepEqual(
      pieces.map((piece) => piece.toString()),
      ['abcde', `${large}f`],
    );
    assert.ok(pieces.every((piece) => piece.buffer === bytes.buffer));
  });

  it('of any data comes out as it went in', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 6000 }), { maxLength: 8 }),
        fc.array(fc.nat(20_000), { maxLength: 6 }),
        (parts, places) => {
          const framed = parts.flatMap((part) => [
            Buffer.from(`${part.length.toString(16)}\r\n`),
            part,
            Buffer.from('\r\n'),
          ]);
          const all = Buffer.concat([Buffer.from(head), ...framed, Buffer.from('0\r\n\r\n')]);
          const pieces: Buffer[] = [];
          let from = 0;
          for (const place of [...places.sort((a, b) => a - b), all.length]) {
            pieces.push(all.subarray(from, place));
            from = Math.min(Math.max(from, place), all.length);
          }
          const { messages, error } = readRequests(pieces);
          assert.equal(error, null);
          assert.equal(messages[0]?.body, Buffer.concat(parts).toString('latin1'));
          assert.equal(messages[0]?.ended, true);
        },
      ),
    );
  });

  it('takes a size of more than 32 bits for what it is', () => {
    const { messages, error } = readRequests([`${head}100000001\r\nabc`]);
    assert.equal(error, null);
    assert.equal(messages[0]?.body, 'abc');
    assert.equal(messages[0]?.ended, false);
  });

  it('may be followed by another', () => {
    const one = `${head}1;e\r\na\r\n0\r\nT: 1\r\n\r\n`;
    const { messages } = readRequests([one + one]);
    assert.deepEqual(
      messages.map(({ body, trailers }) => [body, trailers]),
      [
        ['a', ['t', '1']],
        ['a', ['t', '1']],
      ],
    );
  });

  const refused: Record<string, readonly [body: string, reason: RegExp]> = {
    'no size': ['\r\nabc', /size of a chunk is not a number/],
    'a size that is no number': ['g\r\n', /size of a chunk is not a number/],
    'a size with 0x': ['0x3\r\nabc\r\n', /size of a chunk is not a number/],
    'a negative size': ['-1\r\n', /size of a chunk is not a number/],
    'a space before the size': [' 3\r\nabc\r\n', /size of a chunk is not a number/],
    'a space after the size': ['3 \r\nabc\r\n', /size of a chunk is not a number/],
    'an underscore in the size': ['1_0\r\n', /size of a chunk is not a number/],
    'a size that no number holds': [`${'f'.repeat(14)}\r\n`, /too large/],
    'a size with many zeros': [`${'0'.repeat(14)}`, /too large/],
    'a bare line feed after the size': ['3\nabc\r\n', /not a number/],
    'a bare carriage return after the size': ['3\rabc', /not ended by CRLF/],
    'a bare line feed in an extension': ['3;a\nabc\r\n', /extension is not valid/],
    'a NUL in an extension': ['3;a\0\r\nabc\r\n', /extension is not valid/],
    'a bare line feed in a quoted extension': ['3;a="\n"\r\nabc', /extension is not valid/],
    'a NUL after a backslash': ['3;a="\\\0"\r\nabc', /extension is not valid/],
    'an extension without a name': ['3;\r\nabc\r\n', /extension is not valid/],
    'an extension with an empty value': ['3;a=\r\nabc\r\n', /extension is not valid/],
    'an extension with two values': ['3;a=b=c\r\nabc\r\n', /extension is not valid/],
    'an extension with a space': ['3;a b\r\nabc\r\n', /extension is not valid/],
    'a quote within an extension': ['3;a=b"c"\r\nabc\r\n', /extension is not valid/],
    'text after a quoted extension': ['3;a="b"c\r\nabc\r\n', /extension is not valid/],
    'a length as a trailer': ['0\r\nContent-Length: 5\r\n\r\n', /is sent as a trailer/],
    'an encoding as a trailer': ['0\r\nTransfer-encoding: x\r\n\r\n', /is sent as a trailer/],
    'an end of the connection as a trailer': ['0\r\nConnection: x\r\n\r\n', /as a trailer/],
    'a host as a trailer': ['0\r\nHost: x\r\n\r\n', /is sent as a trailer/],
    'data that is longer than its size': ['3\r\nabcd\r\n', /data of a chunk/],
    'data that is shorter than its size': ['5\r\nabc\r\n0\r\n\r\n', /data of a chunk/],
    'a bare line feed after the data': ['3\r\nabc\n0\r\n\r\n', /data of a chunk/],
    'a bare carriage return after the data': ['3\r\nabc\r0\r\n\r\n', /data of a chunk/],
    'a folded trailer': ['0\r\nA: b\r\n c\r\n\r\n', /begins with a space/],
    'a trailer that is none': ['0\r\nGET / HTTP/1.1\r\n', /space between/],
    'a bare line feed at the end': ['0\r\n\n', /name of a field/],
  };
  for (const [what, [body, reason]] of Object.entries(refused)) {
    it(`with ${what} is refused`, () => {
      for (const pieces of [[head + body], [head, ...body]]) {
        const { messages, error } = readRequests(pieces);
        assert.match(error?.message ?? '', reason);
        assert.equal(messages[0]?.ended, false);
      }
    });
  }

  it('gives what was decoded before it is refused', () => {
    for (const pieces of [[`${head}2\r\nab\r\n1\r\nc\r\nZZ\r\n`], [`${head}3\r\nabc\r\nZZ`]]) {
      assert.equal(readRequests(pieces).messages[0]?.body, 'abc');
    }
  });

  it('has limits on the length of extensions and trailers', () => {
    const { chunkExtensionBytes, trailerBytes } = defaultLimits;
    const outcome = (text: string) => readRequests([head + text]).error?.message ?? 'passes';
    const half = 'e'.repeat(chunkExtensionBytes / 2);
    const two = `1;${half}\r\na\r\n1;${half}\r\nb\r\n`;
    assert.equal(outcome(`${two}0\r\n\r\n`), 'passes');
    assert.match(outcome(`${two}1;e\r\nc\r\n`), /extensions are too large/);
    const trailers = (bytes: number) => `0\r\nT:${'t'.repeat(bytes - 6)}\r\n\r\n`;
    assert.equal(outcome(trailers(trailerBytes)), 'passes');
    assert.match(outcome(trailers(trailerBytes + 1)), /trailer is larger/);
  });

  it('keeps no count of one body for the next', () => {
    const bytes = defaultLimits.chunkExtensionBytes;
    const one = `${head}1;${'e'.repeat(bytes)}\r\na\r\n0\r\n\r\n`;
    assert.equal(readRequests([one + one]).messages.length, 2);
  });
});
