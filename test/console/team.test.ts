import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fill, openPage, seen, skip, startBrowser } from './browser.js';
import { startFilled } from './fixture.js';

test('the lead of a team sees its pages only, and makes a key for it', { skip }, async (t) => {
  const daemon = await startFilled(t, { keys: 3, requests: 5 });
  await daemon.sql`INSERT INTO budgets (name, amount, "window", applies_to)
    VALUES ('of support', 50000000000, 'month', '{"team": "support"}')`;
  await daemon.reload();
  const browser = await startBrowser(t);
  const { page, problems } = await openPage(browser, daemon.url);
  await page.goto(`${daemon.url}/console`);
  await page.waitForSelector('input[type=password]');
  await fill(page, 'Admin key', 'the-key-of-the-lead');
  await page.click('button[type=submit]');
  await seen(page, 'Team support');
  const menu = await page.$$eval('nav a', (links) => links.map((link) => link.textContent));
  assert.deepEqual(menu, ['Requests', 'Usage and cost', 'Playground', 'Keys', 'Budgets']);
  await page.evaluate('location.hash = "#/providers"');
  await seen(page, 'There is no such page');
  for (const name of ['requests', 'usage', 'playground', 'budgets']) {
    await page.evaluate(`location.hash = "#/${name}"`);
    await page.waitForSelector(`nav a[href="#/${name}"][aria-current=page]`);
    await page.waitForFunction('!document.querySelector(".skeleton")');
    assert.equal(await page.$('.banner.bad'), null, name);
  }
  await page.evaluate('location.hash = "#/usage?span=month"');
  await page.waitForFunction(
    '/Of its budget\\s+0[\\d.]* %\\s*\\/ \\$50\\.00/.test(document.body.innerText)',
  );
  await page.evaluate('location.hash = "#/keys?add=yes"');
  await fill(page, 'Name', 'for-support');
  await page.click('dialog button[type=submit], .dialog button[type=submit]');
  await seen(page, 'sk-llmp-');
  const [row] = await daemon.sql`SELECT team FROM credentials WHERE name = 'for-support'`;
  assert.equal(row?.team, 'support');
  assert.deepEqual(problems, []);
});
