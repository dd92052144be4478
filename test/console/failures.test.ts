import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bearer } from '../support/ask.js';
import { fill, openPage, seen, skip, startBrowser } from './browser.js';
import { startFilled } from './fixture.js';

test('wrong keys, a session that is over, a viewer, and a daemon that is gone', {
  skip,
}, async (t) => {
  const daemon = await startFilled(t, { keys: 3, requests: 5 });
  const browser = await startBrowser(t);
  const watched = await openPage(browser, daemon.url, /status of 401|ERR_|status of 503/);
  const { page, problems } = watched;
  await page.goto(`${daemon.url}/console#/keys`);
  await page.waitForSelector('input[type=password]');
  await page.type('input[type=password]', 'not-the-key');
  await page.click('button[type=submit]');
  await seen(page, 'The admin key is not valid.');
  await fill(page, 'Admin key', 'the-key-of-the-board');
  await page.click('button[type=submit]');
  await seen(page, 'admin:board');
  await seen(page, 'alice');
  assert.doesNotMatch(
    String(await page.evaluate('document.body.innerText')),
    /Create a key|Revoke/,
  );
  const cookie = await page.evaluate('document.cookie');
  assert.equal(cookie, '', 'no script sees the session');

  await fetch(`${daemon.url}/admin/v1/session?everywhere=true`, {
    method: 'DELETE',
    headers: bearer('the-key-of-the-board'),
  });
  await page.evaluate('location.hash = "#/providers"');
  await seen(page, 'Your session is over');
  await fill(page, 'Admin key', daemon.adminKey);
  await page.click('button[type=submit]');
  await seen(page, 'openai-main');

  assert.equal(await daemon.stop(), 0);
  await seen(page, 'The gateway does not answer.');
  await seen(page, 'openai-main');
  assert.deepEqual(problems, []);
});
