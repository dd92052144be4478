import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HTTPRequest, Page } from 'puppeteer-core';
import { startMockProvider } from '../../src/mock-provider/server.js';
import { askChat } from '../support/ask.js';
import { until } from '../support/until.js';
import { fill, openPage, press, seen, signIn, skip, startBrowser } from './browser.js';
import { startFilled } from './fixture.js';

const hide = (page: Page, isHidden: boolean) =>
  page.evaluate(`
    Object.defineProperty(document, 'hidden', { value: ${isHidden}, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));`);

const texts = (page: Page, selector: string) =>
  page.$$eval(selector, (all) =>
    all.map((each) => String(Reflect.get(each, 'innerText')).replace(/\s+/g, ' ')),
  );

test('at night the overview says which provider is dead, who is affected, and what to do', {
  skip,
}, async (t) => {
  const daemon = await startFilled(t, { keys: 3, requests: 0 });
  const dead = { api_base: 'http://127.0.0.1:9/v1', model_mapping: { night: 'night' } };
  await daemon.addProvider('dead-one', dead);
  const key = await daemon.addKey('nightly');
  await daemon.sql`INSERT INTO budgets (name, amount, mode, applies_to) VALUES
    ('spent', 1000, 'soft', '{"key": "nightly"}'), ('untouched', 1000, 'soft', '{"key": "nobody"}')`;
  await daemon.reload();
  await askChat(daemon.url, key, 'gpt-4o');
  for (let request = 0; request < 21; request++) await askChat(daemon.url, key, 'night');
  const browser = await startBrowser(t);
  const watched = await openPage(browser, daemon.url);
  const { page, problems } = watched;
  await signIn(watched, daemon.url, daemon.adminKey);
  await seen(page, 'dead-one: ');
  await seen(page, 'of the budget spent is spent');
  const notices = await texts(page, '.notices li');
  assert.ok(
    notices.some((text) => /^Error [67]\d(\.\d)? % of requests fail See them$/.test(text)),
    `${notices}`,
  );
  assert.ok(
    notices.some((text) => /^Error [\d,.]+ % of the budget spent is spent/.test(text)),
    `${notices}`,
  );
  assert.ok(
    notices.some((text) =>
      /^Error dead-one: (ejected|on trial), \d+ of \d+ attempts failed/.test(text),
    ),
    `${notices}`,
  );
  assert.ok(
    notices.some((text) => /in the last minute: nightly.* See their/.test(text)),
    `${notices}`,
  );
  assert.doesNotMatch(notices.join(), /openai-main|untouched/, 'only what needs attention');
  assert.equal(
    (await page.$('.notices li:first-child .state.bad')) === null,
    false,
    'the worst first',
  );
  await press(page, 'See its errors', 'link');
  await seen(page, 'upstream_failed');
  assert.match(page.url(), /provider=dead-one&status=error/);
  await page.goBack();

  // A page that nobody sees asks for nothing, and continues once it is seen.
  await seen(page, 'Live');
  await hide(page, true);
  await seen(page, 'Paused');
  await hide(page, false);
  await seen(page, 'Live');

  await page.goto(`${daemon.url}/console#/requests`);
  await seen(page, 'nightly');
  await press(page, 'Follow live');
  await seen(page, 'Waiting for a request');
  await page.waitForSelector('.panel .state.good');
  await askChat(daemon.url, key, 'gpt-4o');
  await page.waitForSelector('tbody tr');
  await askChat(daemon.url, key, 'gpt-4o-mini');
  await page.waitForFunction('document.querySelectorAll("tbody tr").length === 2');
  assert.match((await texts(page, 'tbody tr')).at(0) ?? '', /gpt-4o-mini/, 'the newest first');
  await press(page, 'Stop following');
  await seen(page, 'Download CSV');

  // The answer's stages: every attempt, and its reason.
  await page.goto(`${daemon.url}/console#/requests?model=night`);
  await page.waitForSelector('tbody tr a');
  await page.click('tbody tr a');
  await seen(page, 'dead-one');
  await seen(page, 'upstream_failed');
  await page.goto(`${daemon.url}/console#/budgets`);
  await seen(page, 'spent');
  assert.match((await texts(page, 'tbody tr')).join(), /gone/);
  assert.deepEqual(problems, []);
});

test('what is shown is copied, paged, worded and lit as asked, also after a reload', {
  skip,
}, async (t) => {
  const daemon = await startFilled(t, { keys: 60, requests: 10 });
  await daemon.sql`INSERT INTO budgets (name, amount, applies_to)
    SELECT 'budget-' || n, 1000000000, '{}' FROM generate_series(1, 60) n`;
  await daemon.reload();
  const browser = await startBrowser(t);
  const watched = await openPage(browser, daemon.url, /status of 404/);
  const { page, problems } = watched;
  await signIn(watched, daemon.url, daemon.adminKey);
  await page.goto(`${daemon.url}/console#/keys?search=key-&sort=name`);
  await seen(page, 'key-10');
  await press(page, 'As a command');
  await seen(page, 'llmproxy keys list --search key- --sort name');
  // Browsers refuse the clipboard to pages without TLS, and to those that may not have it.
  for (const clipboard of [
    '{ writeText: async (text) => { window.copied = text; } }',
    '{ writeText: () => Promise.reject(new Error()) }',
    'undefined',
  ]) {
    await page.evaluate(`
      window.copied = '';
      Object.defineProperty(navigator, 'clipboard', { value: ${clipboard}, configurable: true });
      document.execCommand = () => { window.copied = document.activeElement.value; };`);
    await press(page, 'Copy');
    await page.waitForFunction("window.copied === 'llmproxy keys list --search key- --sort name'");
    await seen(page, 'Copied');
    await page.waitForFunction('!document.body.innerText.includes("Copied")');
  }
  await press(page, 'curl');
  await seen(page, 'credentials?search=key-&sort=name');
  await press(page, 'Close');

  await press(page, 'Next');
  await seen(page, '51–57');
  await press(page, 'Previous');
  await seen(page, '1–50');
  await page.waitForFunction(
    'document.querySelector("button[disabled]")?.innerText === "Previous"',
  );
  assert.doesNotMatch(page.url(), /from=/);
  await page.goto(`${daemon.url}/console#/audit`);
  await press(page, 'Older');
  await press(page, 'Newest');
  await page.waitForFunction(
    'document.querySelector(".more button[disabled]")?.innerText === "Newest"',
  );
  await fill(page, 'Provider, key or team', 'openai-main');
  await page.keyboard.press('Enter');
  await page.waitForFunction('document.querySelectorAll("tbody tr").length === 1');

  await page.select('select[aria-label=Appearance]', 'dark');
  const theme = () => page.evaluate('document.documentElement.dataset.theme');
  assert.equal(await theme(), 'dark');
  await page.select('select[aria-label=Language]', 'zh');
  await seen(page, '审计');
  await page.reload();
  await seen(page, '审计');
  assert.equal(await theme(), 'dark', 'the browser remembers both');
  await page.select('select[aria-label=外观]', 'light');
  await page.select('select[aria-label=语言]', 'en');
  assert.equal(await theme(), 'light');
  await page.goto(`${daemon.url}/console#/mirrors/none`);
  await seen(page, 'There is no such mirror');
  assert.equal(await page.$('.banner.bad'), null);
  await press(page, 'Sign out');
  await seen(page, 'Admin key');
  await page.reload();
  await seen(page, 'Admin key');
  assert.deepEqual(problems, []);
});

test('the playground makes a key, stops an answer, and refuses tools that are none', {
  skip,
}, async (t) => {
  const daemon = await startFilled(t, { keys: 3, requests: 0 });
  const slow = await startMockProvider({ chunks: 200, chunkIntervalMs: 100 });
  t.after(() => slow.close());
  await daemon.addProvider('slow', { api_base: slow.url, model_mapping: { slow: 'slow' } });
  await daemon.reload();
  const browser = await startBrowser(t);
  const watched = await openPage(browser, daemon.url);
  const { page, problems } = watched;
  await signIn(watched, daemon.url, daemon.adminKey);
  await page.goto(`${daemon.url}/console#/playground`);
  await press(page, 'Make a key for one hour');
  await seen(page, 'A key for one hour was made');
  const [row] = await daemon.sql`SELECT expires_at - now() AS left, tags FROM credentials
    WHERE name LIKE 'playground-%'`;
  assert.deepEqual(row?.tags, ['playground']);
  assert.match(String(row?.left), /^00:59/);
  await page.waitForFunction(
    `[...document.querySelectorAll('.field input')].some((field) => field.value === 'gpt-4o-mini')`,
  );
  await fill(page, 'Model', 'slow');
  await fill(page, 'Tools', '{}');
  await seen(page, 'Must be a JSON list of tools');
  assert.equal(await page.$eval('form button[type=submit]', (send) => send.disabled), true);
  await fill(page, 'Tools', '[]');
  await fill(page, 'Message', 'Count slowly');
  await page.keyboard.down('Control');
  await page.keyboard.press('Enter');
  await page.keyboard.up('Control');
  await page.waitForSelector('.message.assistant .text:not(:empty)');
  await press(page, 'Stop');
  await press(page, 'Start over');
  await seen(page, 'Ask a model something');
  assert.equal(await page.$('.banner.bad'), null, 'who stops an answer gets no error');

  await page.goto(`${daemon.url}/console#/cache`);
  await press(page, 'Forget answers');
  await fill(page, 'Model', 'slow');
  await press(page, 'Forget these');
  await seen(page, 'The answers are forgotten');
  assert.deepEqual(problems, []);
});

test('the model that the playground proposes never joins what is typed', { skip }, async (t) => {
  const daemon = await startFilled(t, { keys: 3, requests: 0 });
  const browser = await startBrowser(t);
  const watched = await openPage(browser, daemon.url);
  const { page, problems } = watched;
  await signIn(watched, daemon.url, daemon.adminKey);
  const held: HTTPRequest[] = [];
  let isHeld = true;
  await page.setRequestInterception(true);
  page.on('request', (request) => {
    if (isHeld && request.url().includes('/admin/v1/models?')) held.push(request);
    else void request.continue();
  });
  const arrive = async () => {
    await until('the question for models', () => held.length > 0);
    isHeld = false;
    for (const request of held.splice(0)) await request.continue();
    await page.waitForSelector('datalist option');
  };
  const opened = async () => {
    await page.reload();
    const field = await page.locator('::-p-aria([name="Model"])').waitHandle();
    await field.focus();
    return () => field.evaluate((input) => String(Reflect.get(input, 'value')));
  };
  const type = (text: string) => page.keyboard.type(text);
  const erase = async (letters: number) => {
    for (let count = 0; count < letters; count++) await page.keyboard.press('Backspace');
  };
  await page.goto(`${daemon.url}/console#/playground`);
  const empty = await opened();
  await arrive();
  await type('gpt');
  assert.equal(await empty(), 'gpt');
  await erase(3);
  await page.waitForSelector('datalist option[value="gpt-4o-mini"]');
  assert.equal(await empty(), '');
  await page.keyboard.press('Tab');
  await until('the proposal', async () => (await empty()) === 'gpt-4o-mini');

  isHeld = true;
  const typed = await opened();
  await type('gpt');
  await arrive();
  await page.keyboard.press('Tab');
  assert.equal(await typed(), 'gpt');
  await page.keyboard.down('Shift');
  await page.keyboard.press('Tab');
  await page.keyboard.up('Shift');
  await erase(3);
  await page.waitForSelector('datalist option[value="claude-sonnet-4-5"]');
  await page.keyboard.press('Tab');
  await page.evaluate('new Promise(requestAnimationFrame)');
  assert.equal(await typed(), '', 'one proposal is enough');
  assert.deepEqual(problems, []);
});
