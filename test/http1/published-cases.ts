/**
 * The cases of the published tests of llhttp (`test/request`, strict mode) and of h1spec, with the
 * outcome that RFC 9110 and 9112 ask for, or the stricter of two that they allow. Requests of
 * HTTP/1.1 got a `Host`, which llhttp leaves to its users.
 */
export interface PublishedCase {
  name: string;
  stream: string;
  /** The requests that are read, as `METHOD path?query body`, without spaces at their end. */
  reads: readonly string[];
  /** Outcome after them: nothing, an error, or a request that does not end. */
  rest: 'nothing' | 'refusal' | 'more';
}

const crlf = '\r\n';

/** Lines, and the empty line that ends a head. */
function head(...lines: string[]): string {
  return `${lines.join(crlf)}${crlf}${crlf}`;
}

function put(...fields: string[]): string {
  return head('PUT /url HTTP/1.1', 'Host: h', ...fields);
}

function chunked(...lines: string[]): string {
  return `${put('Transfer-Encoding: chunked')}${lines.join(crlf)}`;
}

function get(target: string, ...fields: string[]): string {
  return head(`GET ${target} HTTP/1.1`, 'Host: h', ...fields);
}

function read(name: string, stream: string, ...reads: string[]): PublishedCase {
  return { name, stream, reads, rest: 'nothing' };
}

function refused(name: string, stream: string, ...reads: string[]): PublishedCase {
  return { name, stream, reads, rest: 'refusal' };
}

function cut(name: string, stream: string, ...reads: string[]): PublishedCase {
  return { name, stream, reads, rest: 'more' };
}

const form = ['Host: www.example.com', 'Content-Type: application/x-www-form-urlencoded'];
const webSocket = ['Sec-WebSocket-Key2: 12998 5 Y3 1  .P00', 'Upgrade: WebSocket'];

const connection = [
  read('keep-alive', put('Connection: keep-alive'), 'PUT /url'),
  read(
    'keep-alive, and another request',
    put('Connection: keep-alive').repeat(2),
    'PUT /url',
    'PUT /url',
  ),
  read(
    'a line end between requests',
    `${head('POST / HTTP/1.1', ...form, 'Content-Length: 4')}q=42${crlf}${get('/')}`,
    'POST / q=42',
    'GET /',
  ),
  refused('CR in a value', put('Connection: keep\ralive')),
  read('close', put('Connection: close'), 'PUT /url'),
  read('close and a tab', put('Connection: close\t'), 'PUT /url'),
  read('several options', put('Connection: close, token, upgrade, token, keep-alive'), 'PUT /url'),
  refused(
    'folded options',
    get('/demo', 'Connection: Something,', ' Upgrade, ,Keep-Alive', ...webSocket),
  ),
  refused('a space before the colon', put('Connection : upgrade', 'Content-Length: 4')),
  read('an upgrade without a body', put('Connection: upgrade', 'Upgrade: ws'), 'PUT /url'),
  read(
    'an upgrade with a body',
    `${put('Connection: upgrade', 'Content-Length: 4', 'Upgrade: ws')}abcd`,
    'PUT /url abcd',
  ),
  read(
    'an upgrade to HTTP/2 with a body',
    `${head('POST /demo HTTP/1.1', 'Host: example.com', 'Connection: Upgrade', 'Upgrade: HTTP/2.0', 'Content-Length: 15')}sweet post body`,
    'POST /demo sweet post body',
  ),
];

const contentLength = [
  read('zeros before the length', `${put('Content-Length: 003')}abc`, 'PUT /url abc'),
  read(
    'zeros before the length, and a field after it',
    `${put('Content-Length: 003', 'Ohai: world')}abc`,
    'PUT /url abc',
  ),
  refused('a length that overflows', put('Content-Length: 1000000000000000000000')),
  refused('two lengths', put('Content-Length: 1', 'Content-Length: 2')),
  refused('a length and identity', put('Content-Length: 1', 'Transfer-Encoding: identity')),
  refused('a space before the colon of the length', put('Content-Length : 4')),
  read(
    'a length in odd case with HTTP/1.0',
    `${head('GET /hello HTTP/1.0', 'conTENT-Length: 5')}HELLO`,
    'GET /hello HELLO',
  ),
  cut('spaces around the length', put('Content-Length:  42 ')),
  // node:http takes the tabs after it for a part of the value.
  refused('tabs around the length', put('Content-Length:\t42\t  ')),
  refused('a space within the length', put('Content-Length: 4 2')),
  refused('two numbers as the length', put('Content-Length: 13 37')),
  refused('an empty length', put('Content-Length:')),
  refused('CR for the dash of the name', put('Content\rLength: 003')),
  refused('CR alone before the body', `PUT /url HTTP/1.1${crlf}Content-Length: 3${crlf}\rabc`),
  refused('a negative length', put('Content-Length: -1234')),
  refused('a negative length that overflows', put('Content-Length: -123456789123456789123456789')),
  refused('a length in letters', put('Content-Length: abc')),
  refused('a length in hex', put('Content-Length: 0x10')),
  refused('a length with a plus', put('Content-Length: +3')),
  cut('a body that does not come', put('Content-Length: 100')),
  cut('a head that breaks off in a name', `PUT / HTTP/1.1${crlf}Content-Leng`),
];

const invalid = [
  refused('ICE', head('GET /music/sweet/music ICE/1.0', 'Host: example.com')),
  refused('IHTTP', head('GET /music/sweet/music IHTTP/1.0', 'Host: example.com')),
  refused('RTSP', head('PUT /music/sweet/music RTSP/1.0', 'Host: example.com')),
  refused('fields separated by CR', get('/', 'Foo: 1\rBar: 2')),
  refused(
    'fields separated by LF',
    `${head('POST / HTTP/1.1', 'Host: localhost:5000', 'x:x\nTransfer-Encoding: chunked')}1${crlf}A${crlf}0${crlf}${crlf}`,
  ),
  refused(
    'CR and a letter in place of the empty line',
    `GET / HTTP/1.1${crlf}Host: a${crlf}\rZGET /evil: HTTP/1.1${crlf}Host: a${crlf}${crlf}`,
  ),
  refused('an empty value ended by CR', get('/', 'x:\rTransfer-Encoding: chunked')),
  refused('an empty value ended by LF', get('/', 'x:\nTransfer-Encoding: chunked')),
  refused('@ in a name', get('/', 'Fo@: Failure')),
  refused('a control character in a name', get('/', 'Foo\x01\test: Bar')),
  refused('brackets in a name', get('/', 'X-Invalid[]: test')),
  refused('an empty name', get('/', ': Bar')),
  refused('no colon', get('/', 'Connection')),
  refused('a folded name', get('/', 'name', ' : value')),
  refused('bytes in a name', get('/', 'Connection\r\x1b\x35\xd5eep-Alive')),
  refused('LF in a value', get('/', 'Dummy: x\nContent-Length: 23')),
  refused('HTTP/5.6', head('GET / HTTP/5.6', 'Host: h')),
  refused('HTTP/9.9', head('GET / HTTP/9.9', 'Host: h')),
  refused('HTTP/2.0', head('GET / HTTP/2.0', 'Host: h')),
  refused('HTTP/1', head('GET / HTTP/1', 'Host: h')),
  refused('http/1.1', head('GET / http/1.1', 'Host: h')),
  refused('a space before the first field', head('GET / HTTP/1.1', ' Host: foo')),
  refused('only LF', 'GET / HTTP/1.1\nHost: h\n\n'),
  refused('LF after the request line', `GET / HTTP/1.1\nHost: h${crlf}${crlf}`),
  refused(
    'a space before a field',
    head('POST /hello HTTP/1.1', 'Host: localhost', 'Foo: bar', ' Content-Length: 38'),
  ),
  refused('a form feed in a value', get('/', 'Header1: hello\fworld')),
  refused('a bell in a value', get('/', 'X-Bad-Control-Char: test\x07')),
  refused('NUL in a value', get('/', 'Header1: a\0b')),
  refused('DEL in a value', get('/', 'Header1: a\x7fb')),
  refused('a text before the method', head('Extra lineGET / HTTP/1.1', 'Host: h')),
  refused('no method', head(' / HTTP/1.1', 'Host: h')),
  refused('two spaces before the target', head('GET  / HTTP/1.1', 'Host: h')),
  refused('two spaces after the target', head('GET /  HTTP/1.1', 'Host: h')),
  refused('a space after the version', head('GET / HTTP/1.1 ', 'Host: h')),
  refused('a tab for the space', head('GET\t/ HTTP/1.1', 'Host: h')),
  refused('no Host', head('GET / HTTP/1.1')),
  refused('two Hosts', head('GET / HTTP/1.1', 'Host: a', 'Host: b')),
  refused('the same Host twice', head('GET / HTTP/1.1', 'Host: a', 'Host: a')),
];

const samples = [
  read(
    'values after tabs and spaces',
    head('OPTIONS /url HTTP/1.1', 'Host: h', 'Header1: Value1', 'Header2:\t Value2'),
    'OPTIONS /url',
  ),
  read('HEAD', head('HEAD /url HTTP/1.1', 'Host: h'), 'HEAD /url'),
  read(
    'curl',
    head('GET /test HTTP/1.1', 'User-Agent: curl/7.18.0', 'Host: 0.0.0.0=5000', 'Accept: */*'),
    'GET /test',
  ),
  read('an odd field', get('/dumbpack', 'aaaaaaaaaaaaa:++++++++++'), 'GET /dumbpack'),
  read('no field with HTTP/1.0', head('GET /no_headers/world HTTP/1.0'), 'GET /no_headers/world'),
  read(
    'ab, with HTTP/1.0',
    head('GET /test HTTP/1.0', 'Host: 0.0.0.0:5000', 'User-Agent: ApacheBench/2.3'),
    'GET /test',
  ),
  read('a line end before the request', `${crlf}${get('/test')}`, 'GET /test'),
  refused('HTTP/0.9', head('GET /')),
  refused('HTTP/0.9 with a space', head('GET / ')),
  refused(
    'folded values',
    get('/', 'Line1:   abc', '\tdef', ' ghi', 'Line2: \t line2\t', 'Line3:', ' line3'),
  ),
  refused('no LF after CR', 'GET / HTTP/1.1\rLine: 1\r\n\r\n'),
  read('UTF-8 in a value', get('/', 'Test: D\xc3\xbcsseldorf'), 'GET /'),
  read('byte 255 in a value', get('/', 'Header2: \xffValue2'), 'GET /'),
  read('an empty value', get('/', 'X-Empty-Header: '), 'GET /'),
  read(
    'three requests at once',
    `${head('POST /aaa HTTP/1.1', 'Host: h', 'Content-Length: 3')}AAA` +
      `${head('PUT /bbb HTTP/1.1', 'Host: h', 'Content-Length: 4')}BBBB` +
      `${head('PATCH /ccc HTTP/1.1', 'Host: h', 'Content-Length: 5')}CCCCC`,
    'POST /aaa AAA',
    'PUT /bbb BBBB',
    'PATCH /ccc CCCCC',
  ),
];

const methods = [
  ...[
    'REPORT',
    'PURGE',
    'SEARCH',
    'LINK',
    'UNLINK',
    'SOURCE',
    'M-SEARCH',
    'PROPFIND',
    'MKCOLA',
  ].map((method) => read(method, head(`${method} /test HTTP/1.1`, 'Host: h'), `${method} /test`)),
  read(
    'QUERY',
    `${head('QUERY /contacts HTTP/1.1', 'Host: h', 'Content-Length: 6')}select`,
    'QUERY /contacts select',
  ),
  refused('CONNECT', head('CONNECT foo.bar.com:443 HTTP/1.0', 'User-agent: Mozilla/1.1N')),
  refused('the preface of HTTP/2', `${head('PRI * HTTP/2.0')}${head('SM')}`),
  read('OPTIONS of the server', head('OPTIONS * HTTP/1.1', 'Host: h'), 'OPTIONS *'),
  refused('GET of the server', head('GET * HTTP/1.1', 'Host: h')),
];

const allYourBase = 'all your base are belong to us';
const transferEncoding = [
  cut('chunked, and no chunk', chunked()),
  read('a size in lower case', chunked('a', '0123456789', '0', '', ''), 'PUT /url 0123456789'),
  read('a size in upper case', chunked('A', '0123456789', '0', '', ''), 'PUT /url 0123456789'),
  read('a size of two digits', chunked('1e', allYourBase, '0', '', ''), `PUT /url ${allYourBase}`),
  read(
    'an end of three zeros',
    chunked('5', 'hello', '6', ' world', '000', '', ''),
    'PUT /url hello world',
  ),
  read(
    'trailers',
    chunked('5', 'hello', '6', ' world', '0', 'Vary: *', 'Content-Type: text/plain', '', ''),
    'PUT /url hello world',
  ),
  read(
    'extensions',
    chunked('5;ilovew3;some=for;other=value', 'hello', '6;bla;bla', ' world', '0', '', ''),
    'PUT /url hello world',
  ),
  refused('no semicolon before an extension', chunked('2 erfrferferf', 'aa', '0 rrrr', '', '')),
  refused('no extension after the semicolon', chunked('2;', 'aa', '0', '', '')),
  read(
    'quoted extensions',
    chunked('5;ilovew3="I \\"love\\"; \\\\ext\\\\";a="b";c;foo=bar', 'hello', '0', '', ''),
    'PUT /url hello',
  ),
  refused('an open quote', chunked('5;ilovew3="abc";b="def; ghi', 'hello', '0', '', '')),
  refused('pigeons', put('Transfer-Encoding: pigeons')),
  refused('identity', put('Transfer-Encoding: identity', 'Content-Length: 5')),
  refused(
    'three empty codings and a length',
    put('Content-Length: 10', ...Array.from({ length: 3 }, () => 'Transfer-Encoding:')),
  ),
  refused('chunked first', put('Transfer-Encoding: chunked, deflate')),
  refused('chunked, then another', put('Transfer-Encoding: chunked', 'Transfer-Encoding: deflate')),
  refused('another before chunked', put('Transfer-Encoding: deflate, chunked')),
  refused('another, then chunked', put('Transfer-Encoding: deflate', 'Transfer-Encoding: chunked')),
  refused('chunked twice', put('Transfer-Encoding: chunked, chunked')),
  refused('chunkedchunked', put('Transfer-Encoding: chunkedchunked')),
  refused('chunked in quotes', put('Transfer-Encoding: "chunked"')),
  refused('chunked and a length', put('Transfer-Encoding: chunked', 'Content-Length: 5')),
  refused('a length and chunked', put('Content-Length: 5', 'Transfer-Encoding: chunked')),
  refused(
    'chunked with HTTP/1.0',
    head('POST / HTTP/1.0', 'Transfer-Encoding: chunked', 'Connection: keep-alive'),
  ),
  cut('no last chunk', chunked('3', 'foo', '')),
  refused('LF in the line of a size', chunked('3 \n  ', 'foo', '0', '', '')),
  refused('a folded coding', put('Transfer-Encoding: chunked', '  abc')),
  refused('two CRs after a size', chunked('5\r\r;ABCD', '34', 'E', '0', '', '')),
  refused('no line end after the data', chunked('5', 'ABCDE0', '', '')),
  refused('a space after a size', chunked('a ', '0123456789', '0', '', '')),
  refused('a space before a size', chunked(' a', '0123456789', '0', '', '')),
  refused('LF after a size', chunked('3\nfoo', '0', '', '')),
  refused('LF after the data', chunked('3', 'foo\n0', '', '')),
  refused('LF after the last chunk', chunked('3', 'foo', '0\n\n')),
  refused('a size with 0x', chunked('0x3', 'foo', '0', '', '')),
  refused('a negative size', chunked('-3', 'foo', '0', '', '')),
  refused('a size that overflows', chunked('fffffffffffffffff', 'foo', '0', '', '')),
  refused('an empty size', chunked('', 'foo', '0', '', '')),
  refused('a request line in place of a trailer', chunked('0', get('/evil'))),
];

const targets = [
  read('quotes', get('/with_"lovely"_quotes'), 'GET /with_"lovely"_quotes'),
  read('two question marks', get('/test.cgi?foo=bar?baz'), 'GET /test.cgi?foo=bar?baz'),
  read('a query after a host', get('http://hypnotoad.org?hail=all'), 'GET /?hail=all'),
  read('a query after a port', get('http://hypnotoad.org:1234?hail=all'), 'GET /?hail=all'),
  read('a host and a port', get('http://hypnotoad.org:1234'), 'GET /'),
  read('a vertical bar', get('/test.cgi?query=|'), 'GET /test.cgi?query=|'),
  refused('UTF-8', get('/\xce\xb4\xc2\xb6/\xce\xb4t/pope?q=1')),
  refused('a fragment', get('/forums/1/topics/2375?page=1#posts-17408')),
  refused('a user', get('http://a%12:b!&*$@hypnotoad.org:1234/toto')),
  refused('a space', get('/foo bar/')),
  refused('a relative path', get('foo/bar')),
  refused('a control character', get('/a\x01b')),
  refused('another scheme', get('ftp://h/x')),
];

export const publishedCases: Readonly<Record<string, readonly PublishedCase[]>> = {
  Connection: connection,
  'Content-Length': contentLength,
  'Transfer-Encoding': transferEncoding,
  'a method': methods,
  'a target': targets,
  'a sample': samples,
  'what is invalid': invalid,
};
