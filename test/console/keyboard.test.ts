import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'puppeteer-core';
import { openPage, seen, signIn, skip, startBrowser } from './browser.js';
import { startFilled } from './fixture.js';

const focused = (page: Page) =>
  page.evaluate('(document.activeElement.innerText || document.activeElement.id).trim()');

/** Presses Tab, or Shift and Tab, until the element with this text has the focus. */
async function tabTo(page: Page, text: string, isBack = false): Promise<void> {
  if (isBack) await page.keyboard.down('Shift');
  for (let presses = 0; presses < 60 && (await focused(page)) !== text; presses++) {
    await page.keyboard.press('Tab');
  }
  if (isBack) await page.keyboard.up('Shift');
  assert.equal(await focused(page), text);
}

test('everything is done with the keyboard, in sight, and nothing moves for who does not want it', {
  skip,
}, async (t) => {
  const daemon = await startFilled(t, { keys: 3, requests: 5 });
  const browser = await startBrowser(t);
  // A request that does not exist is looked for.
  const watched = await openPage(browser, daemon.url, /status of 404/);
  const { page, problems } = watched;
  await signIn(watched, daemon.url, daemon.adminKey);
  await seen(page, 'openai-main');

  // An opened page has the focus: Tab moves into it, Shift and Tab back to the menu.
  await page.keyboard.press('Tab');
  assert.match(String(await focused(page)), /As a command/);
  await tabTo(page, 'Keys', true);
  const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
  assert.equal(outline, 'solid', 'the focus is visible');
  await page.keyboard.press('Enter');
  await seen(page, 'alice');
  await tabTo(page, 'Create a key');
  await page.keyboard.press('Enter');
  await page.waitForSelector('dialog[open]');
  // The focus stays in the dialog.
  for (let presses = 0; presses < 40; presses++) {
    await page.keyboard.press('Tab');
    const isInside = await page.evaluate(
      'document.activeElement === document.body || document.activeElement.closest("dialog") !== null',
    );
    assert.ok(isInside, String(await focused(page)));
  }
  await page.keyboard.press('Escape');
  await page.waitForFunction('!document.querySelector("dialog")');
  assert.equal(await focused(page), 'Create a key', 'where it was before');
  await page.keyboard.press('Enter');
  await page.waitForFunction('document.activeElement.matches("dialog input")');
  await page.keyboard.type('by-hand');
  await page.keyboard.press('Enter');
  await seen(page, 'Copy it now');
  daemon.secrets.add(
    String(await page.evaluate('document.querySelector(".secret code").textContent')),
  );
  await tabTo(page, 'Done');
  await page.keyboard.press('Enter');
  await seen(page, 'by-hand');

  // From anywhere to a page, and to what has a name.
  const goTo = async (text: string, place: string) => {
    await page.keyboard.down('Control');
    await page.keyboard.press('k');
    await page.keyboard.up('Control');
    await page.waitForSelector('dialog[open] [role=combobox]');
    await page.keyboard.type(text);
    await page.waitForFunction(
      `document.querySelector('[aria-selected=true]')?.innerText.includes(${JSON.stringify(place)})`,
    );
    await page.keyboard.press('Enter');
    await page.waitForFunction('!document.querySelector("dialog")');
  };
  await goTo('fleet', 'Page');
  await seen(page, 'Daemons');
  await goTo('by-hand', 'Key');
  assert.match(page.url(), /#\/keys\?search=by-hand$/);
  await goTo('0123456789abcdef', 'Request');
  assert.match(page.url(), /#\/requests\/0123456789abcdef$/);
  await goTo('azure', 'Provider');
  assert.match(page.url(), /#\/providers\?search=azure-schweden-mit-langem-namen$/);

  await page.setViewport({ width: 360, height: 740 });
  await page.focus('.topbar button');
  await page.keyboard.press('Enter');
  await page.waitForFunction('document.activeElement.closest("nav") !== null');
  await page.keyboard.press('Escape');
  await page.waitForFunction(
    'getComputedStyle(document.querySelector(".side")).visibility === "hidden"',
  );
  assert.equal(await focused(page), 'Menu');

  await page.evaluate(`document.querySelector('main').insertAdjacentHTML('beforeend',
    '<div class="skeleton"><i id="bone"></i></div>')`);
  const animation = () =>
    page.evaluate('getComputedStyle(document.getElementById("bone")).animationName');
  assert.equal(await animation(), 'breathe');
  await page.emulateMediaFeatures([{ name: 'prefers-reduced-motion', value: 'reduce' }]);
  assert.equal(await animation(), 'none');
  assert.deepEqual(problems, []);
});
