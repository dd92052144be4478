import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';

const browser = {
  accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
};

test('a person who opens the address sees an explanation, and no JSON', async (t) => {
  const daemon = await startDaemon(t);
  const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    ask(`${daemon.url}${path}`, { headers, method });

  const home = await get('/', browser);
  assert.equal(home.status, 200);
  assert.equal(home.headers['content-type'], 'text/html; charset=utf-8');
  assert.match(home.text, /This is llmproxy[\s\S]*href="docs"/);
  assert.match(String(home.headers['content-security-policy']), /default-src 'none'/);
  const text = await get('/');
  assert.deepEqual([text.status, text.headers['content-type']], [200, 'text/plain; charset=utf-8']);
  assert.match(text.text, /This is llmproxy[\s\S]*\/docs/);
  assert.equal((await get('/', {}, 'HEAD')).status, 200);
  assert.equal((await get('/', browser, 'POST')).status, 405);

  for (const [path, status] of [
    ['/nowhere/%3Cscript%3E', 404],
    ['/docs/nothing', 404],
    ['/v1/models', 401],
    ['/admin/v1/status', 401],
  ] as const) {
    const page = await get(path, browser);
    assert.equal(page.status, status, path);
    assert.equal(page.headers['content-type'], 'text/html; charset=utf-8', path);
    assert.match(page.text, new RegExp(`<h1>Error ${status}</h1>`), path);
    assert.ok(!page.text.includes('<script'), path);
    const json = await get(path, { accept: '*/*' });
    assert.equal(json.status, status, path);
    assert.ok(JSON.parse(json.text).error.message, path);
  }
  const posted = await get('/v1/chat/completions', browser, 'POST');
  assert.ok(JSON.parse(posted.text).error.message, 'only a page is asked for with GET');
});

test('no path is below the page: others are as unknown as before', async (t) => {
  const daemon = await startDaemon(t);
  for (const path of ['/x', '/admin', '/index.html']) {
    const { status } = await ask(`${daemon.url}${path}`);
    assert.ok(status === 404 || status === 401, `${path} ${status}`);
  }
});
