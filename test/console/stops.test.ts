import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askChat } from '../support/ask.js';
import { fill, openPage, press, seen, signIn, skip, startBrowser } from './browser.js';
import { startFilled } from './fixture.js';

test('the kill switch refuses the requests of a key, is shown, and is undone', {
  skip,
}, async (t) => {
  const daemon = await startFilled(t, { keys: 3, requests: 0 });
  const key = await daemon.addKey('runaway');
  await daemon.reload();
  const browser = await startBrowser(t);
  const watched = await openPage(browser, daemon.url);
  const { page, problems } = watched;
  await signIn(watched, daemon.url, daemon.adminKey);
  await press(page, 'Stop requests');
  const isDisabled = () => page.$eval('dialog button[type=submit]', (each) => each.disabled);
  assert.equal(await isDisabled(), true, 'it never stops everybody');
  await fill(page, 'Key', 'runaway');
  await fill(page, 'Reason', 'an endless loop');
  assert.equal(await isDisabled(), false);
  await press(page, 'Stop them');
  await seen(page, 'Key runaway (an endless loop)');
  assert.equal((await askChat(daemon.url, key, 'gpt-4o')).status, 403);
  const [row] = await daemon.sql`SELECT name FROM stops`;
  assert.equal(row?.name, 'key:runaway', 'as the command line names it');
  const stopped = (await daemon.cli(['resume'])).stdout;
  assert.match(stopped, /key runaway.*an endless loop/);

  await page.locator('.notices button.link').click();
  await page.locator('dialog button.primary').click();
  await seen(page, 'Served again: Key runaway');
  assert.equal((await askChat(daemon.url, key, 'gpt-4o')).status, 200);
  await page.waitForFunction('!document.body.innerText.includes("Stopped for")');
  assert.deepEqual(problems, []);
});
