import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import puppeteer, { type Browser, type ElementHandle, type Page } from 'puppeteer-core';

const places = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** A Chromium of this machine, or the reason that there is none. */
export const chromium =
  [process.env.CHROME_PATH ?? '', ...places].find((path) => path !== '' && existsSync(path)) ??
  null;

/** For the option `skip` of tests. */
export const skip =
  chromium === null ? 'no Chromium found: install it, or name it in CHROME_PATH' : false;

/**
 * A headless browser takes a machine without a mouse for a touch screen. After a change of the viewport it
 * does so again, until the page is loaded again.
 */
const mouse =
  '--blink-settings=primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4';

/** Starts a separate browser for the test, with a mouse or a touch screen. */
export async function startBrowser(
  t: Pick<TestContext, 'after'>,
  isTouch = false,
): Promise<Browser> {
  const userDataDir = mkdtempSync(join(tmpdir(), 'llmproxy-chromium-'));
  const browser = await puppeteer.launch({
    executablePath: chromium ?? '',
    userDataDir,
    // Root has no sandbox, and containers little shared memory.
    args: [
      ...['--no-sandbox', '--disable-dev-shm-usage', '--force-color-profile=srgb'],
      ...(isTouch ? [] : [mouse]),
    ],
    timeout: 60_000,
    protocolTimeout: 60_000,
  });
  t.after(async () => {
    await browser.close();
    rmSync(userDataDir, { recursive: true, force: true, maxRetries: 5 });
  });
  return browser;
}

/** A page, and everything in it that must not be. */
export interface WatchedPage {
  page: Page;
  /** Errors of the console, violations of the security policy, and requests to anywhere else. */
  problems: string[];
}

/**
 * Opens a new page.
 * @param expected matches failed requests that the test makes on purpose.
 */
export async function openPage(
  browser: Browser,
  url: string,
  expected: RegExp = /^$/,
): Promise<WatchedPage> {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  await page.setViewport({ width: 1280, height: 900 });
  const problems: string[] = [];
  page.on('console', (message) => {
    const text = `${message.text()} ${message.location().url ?? ''}`;
    if (message.type() === 'error' && !expected.test(text)) problems.push(text);
  });
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('request', (request) => {
    const isOwn = request.url().startsWith(url) || /^(data|blob):/.test(request.url());
    if (!isOwn) problems.push(`a request to ${request.url()}`);
  });
  return { page, problems };
}

/** Signs in by typing the admin key. */
export async function signIn({ page }: WatchedPage, url: string, key: string): Promise<void> {
  await page.goto(`${url}/console`);
  await page.waitForSelector('input[type=password]');
  await page.type('input[type=password]', key);
  await page.click('button[type=submit]');
  await page.waitForSelector('nav');
}

/** Waits until this text is on the page. */
export async function seen(page: Page, text: string): Promise<void> {
  await page
    .waitForFunction(`document.body.innerText.includes(${JSON.stringify(text)})`)
    .catch(async () => {
      const shown = String(await page.evaluate('document.body.innerText'));
      assert.fail(`"${text}" is not on the page:\n${shown.slice(0, 3_000)}`);
    });
}

/** Clicks the element with this name. */
export async function press(page: Page, name: string, role = 'button'): Promise<void> {
  await page.locator(`::-p-aria([name="${name}"][role="${role}"])`).click();
}

/** Types into the field of this label, replacing its text; chooses the value of a select. */
export async function fill(page: Page, label: string, text: string): Promise<void> {
  const field = await page.locator(`::-p-aria([name="${label}"])`).waitHandle();
  const isSelect = await field.evaluate((element) => element.nodeName === 'SELECT');
  if (isSelect) await (field as ElementHandle).select(text);
  else await typeOver(page, field as ElementHandle, text);
}

/**
 * Replaces a field's text by typing, like a person. Clearing it by script would be undone if the
 * page is redrawn before the first letter.
 */
export async function typeOver(page: Page, field: ElementHandle, text: string): Promise<void> {
  await field.focus();
  await field.evaluate((element) => (element as object as { select(): void }).select());
  await page.keyboard.press('Backspace');
  await page.keyboard.type(text);
}
