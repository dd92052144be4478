import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'puppeteer-core';
import { bearer } from '../support/ask.js';
import { startDaemon } from '../support/daemon.js';
import { until } from '../support/until.js';
import { fill, openPage, press, seen, signIn, skip, startBrowser } from './browser.js';
import { startFilled } from './fixture.js';

test('wrong keys, a session that is over, a viewer, and a daemon that is gone lose no input', {
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
  for (const place of ['providers', 'teams', 'budgets', 'canaries', 'mirrors', 'cache']) {
    await page.evaluate(`location.hash = "#/${place}"`);
    await page.waitForSelector(`nav a[href="#/${place}"][aria-current=page]`);
    await page.waitForFunction('!document.querySelector(".skeleton")');
    const buttons = await page.$$eval('main button:not(th button)', (all) =>
      all.map((each) => each.innerText),
    );
    assert.deepEqual(
      buttons.filter((text) => !/As a command|Show more|Previous|Next/.test(text)),
      [],
      `a viewer changes nothing on ${place}`,
    );
  }
  await page.evaluate('location.hash = "#/playground"');
  await fill(page, 'System prompt', 'of the board');
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

  await page.evaluate('location.hash = "#/playground"');
  await seen(page, 'Ask a model something');
  assert.equal(await valueIn(page, 'System prompt'), '', 'another person sees nothing of it');
  await page.evaluate('location.hash = "#/providers"');

  // The same person continues with what was typed before the session ended.
  await press(page, 'Edit: openai-main');
  await fill(page, 'API key', 'sk-typed-before');
  await fetch(`${daemon.url}/admin/v1/session?everywhere=true`, {
    method: 'DELETE',
    headers: bearer(daemon.adminKey),
  });
  await press(page, 'Save');
  await seen(page, 'Your session is over');
  await page.keyboard.press('Escape');
  await fill(page, 'Admin key', daemon.adminKey);
  await press(page, 'Sign in');
  await page.waitForFunction('!document.body.innerText.includes("Your session is over")');
  assert.equal(await valueIn(page, 'API key'), 'sk-typed-before');
  daemon.secrets.add('sk-typed-before');
  await press(page, 'Save');
  await seen(page, 'Saved, and in use by every worker');
  await press(page, 'Done');

  await press(page, 'Drain: away');
  await page.click('dialog button.danger');
  await seen(page, 'away gets no new requests');
  await press(page, 'Edit: away');
  await fill(page, 'API key', 'sk-typed-meanwhile');
  daemon.secrets.add('sk-typed-meanwhile');
  assert.equal(await daemon.stop(), 0);
  await seen(page, 'What you see may be out of date');
  await press(page, 'Save');
  await page.waitForSelector('dialog .banner.bad');
  assert.equal(await valueIn(page, 'API key'), 'sk-typed-meanwhile');
  const { home, port, sql, dbUrl } = daemon;
  await startDaemon(t, { home, port, database: { sql, dbUrl: dbUrl ?? '' } });
  await page.waitForFunction(
    '!document.body.innerText.includes("What you see may be out of date")',
  );
  await press(page, 'Save');
  await seen(page, 'Saved, and in use by every worker');
  assert.deepEqual(problems, []);
});

async function valueIn(page: Page, label: string): Promise<unknown> {
  const field = await page.locator(`::-p-aria([name="${label}"])`).waitHandle();
  return await field.evaluate((element) => (element as unknown as { value: string }).value);
}

/** The next answer of the audit log is that of a daemon whose database is away. */
const failOnce = `{
  const ask = window.fetch;
  window.fetch = async (url, ...rest) => {
    if (!String(url).includes('v1/audit')) return ask(url, ...rest);
    window.fetch = ask;
    const error = { code: 'unavailable', message: 'The database is away.' };
    return new Response(JSON.stringify({ error }), { status: 503 });
  };
}`;

test('a request that a budget does not allow says so in the playground', { skip }, async (t) => {
  const daemon = await startFilled(t, { keys: 3, requests: 0 });
  const key = await daemon.addKey('spender');
  await daemon.sql`INSERT INTO budgets (name, amount, applies_to)
    VALUES ('零花钱', 1, '{"key": "spender"}')`;
  await daemon.reload();
  const browser = await startBrowser(t);
  const watched = await openPage(browser, daemon.url, /status of 429/);
  const { page, problems } = watched;
  await signIn(watched, daemon.url, daemon.adminKey);
  await page.goto(`${daemon.url}/console#/playground`);
  await fill(page, 'Key', key);
  await until('its model', async () => (await valueIn(page, 'Model')) === 'gpt-4o-mini');
  await fill(page, 'Message', 'What is this?');
  await press(page, 'Send');
  await page.waitForSelector('.banner.bad');
  await seen(page, '零花钱');
  assert.equal(await valueIn(page, 'Message'), 'What is this?', 'to be sent again');
  await until('its row', async () => {
    const rows = await daemon.sql`SELECT FROM request_logs WHERE status = 429`;
    return rows.length > 0;
  });
  await press(page, 'What happened', 'link');
  await seen(page, 'insufficient_quota');
  await page.goto(`${daemon.url}/console#/requests?status=429`);
  await seen(page, 'insufficient_quota');
  await page.goto(`${daemon.url}/console#/budgets`);
  await seen(page, '零花钱');

  // A page that could not be loaded loads by itself as soon as it can be.
  await page.evaluate(failOnce);
  await page.goto(`${daemon.url}/console#/audit`);
  await seen(page, 'The database is away.');
  await seen(page, 'sql:');
  assert.equal(await page.$('.banner.bad'), null);
  assert.deepEqual(problems, []);
});
