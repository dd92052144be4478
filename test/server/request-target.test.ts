import assert from 'node:assert/strict';
import { posix } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { GatewayError } from '../../src/errors.js';
import { isOfEndpoint } from '../../src/server/relayed.js';
import { checkHost, checkTarget } from '../../src/server/request-target.js';

function refusal(check: () => void): string | null {
  try {
    check();
    return null;
  } catch (error) {
    assert.ok(error instanceof GatewayError);
    assert.equal(error.code, 'invalid_request');
    return error.message;
  }
}

const ofPath = (path: string) => refusal(() => checkTarget(path, ''));

test('ordinary paths pass', () => {
  for (const path of [
    '/',
    '/v1/chat/completions',
    '/v1/models/gpt-4.1',
    '/v1/models/org/name',
    '/v1/models/org%2Fname',
    '/v1/models/a%20model',
    '/v1/models/100%25',
    '/v1/models/gpt-4o:2024..x',
    '/v1/models/m%C3%BCller',
    '/admin/v1/providers/7',
    '/docs/swagger-ui.css',
    '/v1beta/models/gemini:generateContent',
    '/a;b=c/...',
  ]) {
    assert.equal(ofPath(path), null, path);
  }
});

test('paths that two parsers could read differently are refused', () => {
  const refused: [reason: RegExp, ...paths: string[]][] = [
    [/a slash/, '', 'admin', '*', 'http://h/admin'],
    [/dot segment/, '/.', '/..', '/docs/../admin', '/docs/./x', '/docs/..', '/docs/..;/admin'],
    [/dot segment/, '/docs/%2e%2e/admin', '/docs/.%2E/admin', '/%2e', '/docs/%2e%2e;x/admin'],
    [/dot segment/, '/docs/%252e%252e/admin', '/docs/%25252e./x', '/v1/models/..%2f..%2fadmin'],
    [/dot segment/, '/v1/models/x%2f..%2f..%2fadmin', '/v1/models/x%252f%252e%252e'],
    [
      /dot segment/,
      '/docs/%252e%252e/x%25ff',
      '/v1/models/x%252f..%252f%25zz',
      '/docs/%25ff/%252e/x',
    ],
    [/backslash/, '/docs\\admin', '/docs%5cadmin', '/docs%5Cadmin', '/docs%255cadmin'],
    [/encoded slash/, '/docs%2fadmin', '/docs%2Fadmin', '/docs%252fadmin', '/v1/models%2fx'],
    [/encoded slash/, '/%2fv1/models/x', '/v1/%2fmodels/x'],
    [
      /empty segment/,
      '//admin',
      '//ws/admin',
      '//ws/google.ai/a/b',
      '//ws/google.ai//admin',
      '/docs//admin',
      '/docs//',
      '/v1/models/%2fadmin',
      '/v1/models/a%2f%2fb',
    ],
    [/control/, '/docs%00', '/docs%0d%0aadmin', '/docs%7f', '/docs%09', '/docs%2500', '/a%c2%85'],
    [/must be encoded/, '/a b', '/a\tb', '/a\0', '/a\r\n', '/a#b', '/\u00e9', '/a\x7f'],
    [/not well encoded/, '/docs/%', '/docs/%2', '/docs/%zz', '/docs/%c0%ae%c0%ae/admin', '/%u002e'],
    [/more than once/, '/docs/%2525252e'],
  ];
  for (const [reason, ...paths] of refused) {
    for (const path of paths) assert.match(ofPath(path) ?? 'passed', reason, JSON.stringify(path));
  }
});

test('only the path of Google’s Live API may begin with two slashes, as its SDK writes it', () => {
  const path = '//ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent';
  assert.equal(ofPath(path), null);
  assert.equal(
    ofPath('//ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent'),
    null,
  );
  for (const other of [`/${path}`, `${path}/..`, `${path}%2f`, `${path}/a/b`, '//ws/google']) {
    assert.match(ofPath(other) ?? 'passed', /segment|encoded slash/, other);
  }
});

test('a query with unencoded characters is refused', () => {
  const ofQuery = (query: string) => refusal(() => checkTarget('/', query));
  for (const query of ['', 'a=b&c=%2f..%00', 'a=//../\\', 'a?b'])
    assert.equal(ofQuery(query), null);
  for (const query of ['a b', 'a#b', 'a\tb', 'a\0', 'a\x7f', '\u00e9']) {
    assert.match(ofQuery(query) ?? 'passed', /query/, JSON.stringify(query));
  }
});

test('a URL parser leaves an accepted path unchanged', () => {
  const part = fc.constantFrom(
    ...[
      '/',
      '/',
      '.',
      '..',
      '\\',
      '%',
      '2',
      'e',
      'f',
      '5c',
      '%2e',
      '%2F',
      '%25',
      'a',
      'admin',
      ';',
    ],
    ...['#', '?', '@', ':', '\t', '%00', '%c0%ae', '\u00ff'],
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
      const path = `/${parts.join('')}`;
      if (path.includes('?') || ofPath(path) !== null) return;
      const { pathname, host, hash } = new URL(path, 'http://control');
      assert.deepEqual([pathname, host, hash], [path, 'control', '']);
      if (/%2f/i.test(path)) assert.match(path, /^\/v1\/models\//);
      const decoded = decodeURIComponent(path);
      assert.equal(posix.normalize(decoded), decoded);
    }),
    { numRuns: 5_000 },
  );
});

test('a request must have one valid Host', () => {
  const of = (...headers: string[]) => refusal(() => checkHost(headers));
  for (const host of ['h', 'h:80', '[::1]:80', '', 'llm.example.com']) {
    assert.equal(of('accept', '*/*', 'host', host), null);
  }
  assert.match(of('host', 'a', 'x', 'y', 'HOST', 'a') ?? '', /more than one Host/);
  for (const host of ['a, b', 'a/b', 'u@h', 'a b', 'a\\b', 'a?', 'a#', '\u00e9']) {
    assert.match(of('Host', host) ?? '', /is no host/, host);
  }
});

test('a path belongs to an endpoint when it equals it or is below it', () => {
  for (const path of ['/admin', '/admin/v1/status']) assert.ok(isOfEndpoint(path, '/admin'));
  for (const path of ['/adminx', '/', '/metrics']) assert.ok(!isOfEndpoint(path, '/admin'));
});
