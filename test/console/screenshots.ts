/**
 * Takes screenshots of every page and form: `npm run screenshots -- FOLDER`. Widths of 360, 1280 and 1920,
 * light and dark, English and Chinese, empty, with a little, and with much. Only one of these:
 * `node --test-name-pattern=few dist/test/console/screenshots.js FOLDER`, after a build.
 */
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { openPage, press, seen, signIn, skip, startBrowser } from './browser.js';
import { addRollouts, startFilled } from './fixture.js';

const folder = resolve(process.argv[2] ?? 'screenshots');
const pages = [
  ...[
    'overview',
    'requests',
    'usage',
    'playground',
    'providers',
    'models',
    'canaries',
    'canaries/to-azure',
    'mirrors',
    'mirrors/cheaper',
    'cache',
    'keys',
    'teams',
    'budgets',
  ],
  ...['configuration', 'configuration?view=history', 'audit', 'fleet', 'health'],
];
/** Forms and dialogs: the page, and the button that opens it. */
const forms = [
  ['providers', 'Add a provider'],
  ['providers', 'Weights'],
  ['providers', 'Edit: away'],
  ['providers', 'Delete: away'],
  ['providers', 'Drain: openai-main'],
  ['providers', 'Test: away'],
  ['keys', 'Create a key'],
  ['keys', 'Rotate: alice'],
  ['keys', 'Edit: alice'],
  ['keys', 'Give it a budget: alice'],
  ['teams', 'Create a team'],
  ['teams', 'Delete: support'],
  ['budgets', 'Create a budget'],
  ['canaries', 'Start a canary'],
  ['mirrors', 'Create a mirror'],
  ['cache', 'Forget answers'],
  ['overview', 'As a command'],
  ['overview', 'Stop requests'],
  ['overview', 'Go to Ctrl K'],
] as const;
const contents = [
  { name: 'empty', keys: 0, requests: 0 },
  { name: 'few', keys: 3, requests: 40 },
  { name: 'many', keys: 10_000, requests: 10_000, others: 10_000 },
];
const looks = [
  { width: 360, theme: 'light', language: 'en' },
  { width: 360, theme: 'dark', language: 'zh' },
  { width: 1280, theme: 'light', language: 'en' },
  { width: 1280, theme: 'dark', language: 'zh' },
  { width: 1920, theme: 'light', language: 'en' },
  { width: 1920, theme: 'dark', language: 'en' },
] as const;

/** The pictures of docs/console.md. */
const documented = [
  { file: 'overview', place: 'overview', theme: 'light' },
  { file: 'usage-dark', place: 'usage?by=model', theme: 'dark' },
  { file: 'request', place: 'requests?status=200', theme: 'light' },
  { file: 'weights', place: 'providers', theme: 'light' },
  { file: 'canary', place: 'canaries/to-azure', theme: 'light' },
  { file: 'cache', place: 'cache', theme: 'light' },
] as const;

test('the pictures of the documentation', { skip, timeout: 600_000 }, async (t) => {
  mkdirSync(`${folder}/docs`, { recursive: true });
  const daemon = await startFilled(t, { keys: 200, requests: 4_000 });
  await addRollouts(daemon);
  const browser = await startBrowser(t);
  const watched = await openPage(browser, daemon.url);
  const { page } = watched;
  await page.setViewport({ width: 1100, height: 720 });
  await signIn(watched, daemon.url, daemon.adminKey);
  for (const { file, place, theme } of documented) {
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }]);
    await page.goto(`${daemon.url}/console#/${place}`);
    await page.waitForFunction('!document.querySelector(".skeleton")');
    if (file === 'request') await page.click('tbody tr:nth-child(3) a');
    if (file === 'weights') {
      await press(page, 'Weights');
      await page.locator('input[type=range]').fill('9');
      await seen(page, 'weight: 3 → 9');
    }
    await page.waitForNetworkIdle({ concurrency: 1, idleTime: 800 });
    const path = `${folder}/docs/${file}.webp` as const;
    await page.screenshot({ path, type: 'webp', quality: 80 });
  }
});

for (const { name, ...content } of contents) {
  test(`screenshots of a gateway with ${name}`, { skip, timeout: 600_000 }, async (t) => {
    mkdirSync(folder, { recursive: true });
    const daemon = await startFilled(t, content);
    if (content.keys > 0) await addRollouts(daemon);
    const open = async (isTouch: boolean) => {
      const watched = await openPage(await startBrowser(t, isTouch), daemon.url);
      await signIn(watched, daemon.url, daemon.adminKey);
      return watched;
    };
    const [touched, pointed] = [await open(true), await open(false)];
    for (const { width, theme, language } of looks) {
      const { page } = width === 360 ? touched : pointed;
      await page.evaluate(`localStorage.setItem('llmproxy.language', '${language}')`);
      await page.setViewport({ width, height: width === 360 ? 740 : 900 });
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }]);
      await page.reload();
      for (const place of pages) {
        await page.goto(`${daemon.url}/console#/${place}`);
        await page.waitForFunction('document.querySelector(".skeleton") === null');
        // The network is never idle: a page follows events, and the browser counts those before a reload.
        await pause(300);
        await page.waitForFunction('document.querySelector(".skeleton") === null');
        const file = `${place.replace(/\W+/g, '-')}-${name}-${width}-${theme}-${language}.png`;
        await page.screenshot({
          path: `${folder}/${file}` as `${string}.png`,
          fullPage: width === 360,
        });
      }
      if (language !== 'en') continue;
      for (const [place, button] of name === 'few' ? forms : []) {
        await page.goto(`${daemon.url}/console#/${place}`);
        await page.waitForFunction('document.querySelector(".skeleton") === null');
        await press(page, button).catch(() => t.diagnostic(`no ${button} at ${width} px`));
        await pause(300);
        const file = `form-${place}-${button}`.replace(/\W+/g, '-');
        await page.screenshot({ path: `${folder}/${file}-${width}-${theme}.png` });
        await page.keyboard.press('Escape');
      }
      if (name !== 'few') continue;
      await page.goto(`${daemon.url}/console#/requests?status=error`);
      await page.locator('tbody tr a').click();
      await page.waitForFunction('document.querySelector(".skeleton") === null');
      await pause(300);
      await page.screenshot({
        path: `${folder}/request-${name}-${width}-${theme}.png`,
        fullPage: width === 360,
      });
    }
    for (const problem of [...touched.problems, ...pointed.problems]) t.diagnostic(problem);
  });
}
