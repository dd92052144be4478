import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import type { Page } from 'puppeteer-core';
import type { Daemon } from '../support/daemon.js';
import {
  fill,
  openPage,
  press,
  seen,
  signIn,
  skip,
  startBrowser,
  type WatchedPage,
} from './browser.js';
import { addRollouts, startFilled } from './fixture.js';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Violation {
  id: string;
  impact: string;
  nodes: { html: string; failureSummary: string }[];
}

/** Violations on the current page that axe-core calls serious. */
async function seriousViolations(
  { page }: WatchedPage,
  theme: 'light' | 'dark' = 'light',
): Promise<string[]> {
  // The pages' policy blocks outside scripts: this one is injected by the debugger.
  await page.evaluate(axe);
  const { violations } = (await page.evaluate(
    // In the dark only colours differ.
    theme === 'dark' ? 'axe.run({ runOnly: ["color-contrast"] })' : 'axe.run()',
  )) as { violations: Violation[] };
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join('\n  ')}`);
}

const places = [
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

test('every page shows its data, breaks no policy, and is accessible in light and dark', {
  skip,
}, async (t) => {
  const daemon = await startFilled(t, { keys: 60, requests: 300 });
  await addRollouts(daemon);
  const browser = await startBrowser(t);
  const watched = await openPage(browser, daemon.url);
  const { page, problems } = watched;
  await page.goto(`${daemon.url}/console`);
  await seen(page, 'Admin key');
  assert.deepEqual(await seriousViolations(watched), [], 'signing in');
  await signIn(watched, daemon.url, daemon.adminKey);
  for (const theme of ['light', 'dark'] as const) {
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }]);
    for (const place of places) {
      await page.goto(`${daemon.url}/console#/${place}`);
      await page.waitForFunction(
        'document.querySelector("h1") && !document.querySelector(".skeleton")',
      );
      assert.deepEqual(await seriousViolations(watched, theme), [], `${place}, ${theme}`);
      assert.equal(await page.$('.banner.bad'), null, place);
    }
  }
  for (const [place, text] of [
    ['overview', 'openai-main'],
    ['requests', 'claude-sonnet-4-5'],
    ['requests?status=error', 'upstream_failed'],
    ['requests?dearer=0.002&slower=2000', '$0.002'],
    ['requests?tag=none', 'No requests'],
    ['usage?by=team', '研发团队'],
    ['providers', 'azure-schweden-mit-langem-namen'],
    ['models', '通义千问-max'],
    ['canaries', '迁移到瑞典'],
    ['mirrors', '试用新模型'],
    ['keys?search=客服', '客服机器人'],
    ['teams', 'support'],
    ['audit', 'openai-main'],
    ['health', '1 of 1 workers serve'],
  ] as const) {
    await page.goto(`${daemon.url}/console#/${place}`);
    await seen(page, text);
  }
  await page.goto(`${daemon.url}/console#/usage?by=key&daily=yes&span=month`);
  await seen(page, 'Compared with');
  await page.waitForFunction(
    `[...document.querySelectorAll('th')].slice(0, 2).map((each) => each.innerText).join() === 'Day,Key'`,
  );
  await page.goto(
    `${daemon.url}/console#/requests?since=2020-01-01T00:00:00Z&until=2020-01-02T00:00:00Z`,
  );
  await seen(page, 'No requests');
  assert.equal(
    await page.$eval('input[aria-label=Until]', (field) => Reflect.get(field, 'value')),
    '2020-01-02T00:00',
  );
  await sortTables(page, daemon);
  await openFromCharts(page, daemon.url);
  await page.goto(`${daemon.url}/console#/health`);
  await press(page, 'Examine');
  await seen(page, 'PostgreSQL');
  await seen(page, 'provider away');

  // A press of each button that opens a form: dialogs are as accessible as pages.
  for (const [place, button] of [
    ['providers', 'Add a provider'],
    ['providers', 'Weights'],
    ['keys', 'Create a key'],
    ['teams', 'Create a team'],
    ['budgets', 'Create a budget'],
    ['canaries', 'Start a canary'],
    ['mirrors', 'Create a mirror'],
    ['overview', 'As a command'],
    ['overview', 'Go to Ctrl K'],
  ] as const) {
    await page.goto(`${daemon.url}/console#/${place}`);
    await press(page, button);
    await page.waitForSelector('dialog[open]');
    assert.deepEqual(await seriousViolations(watched), [], button);
    await page.keyboard.press('Escape');
    await page.waitForFunction('!document.querySelector("dialog")');
  }

  // Narrow screens scroll tables in their own box, never the page.
  await page.setViewport({ width: 360, height: 740 });
  for (const place of places) {
    await page.goto(`${daemon.url}/console#/${place}`);
    await page.waitForFunction(
      'document.querySelector("h1") && !document.querySelector(".skeleton")',
    );
    assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 360, place);
  }
  assert.deepEqual(problems, []);
});

/** Column by column: by click and by keyboard, on the server where a list has pages, kept in the address. */
async function sortTables(page: Page, { url, sql, reload }: Daemon): Promise<void> {
  await sql`INSERT INTO budgets (name, amount, applies_to)
    SELECT 'budget-' || n, n::bigint * 1000000000, '{"team": "support"}' FROM generate_series(1, 60) n`;
  await reload();
  const first = (text: string) =>
    page
      .waitForFunction(`document.querySelector('tbody tr')?.innerText.startsWith('${text}')`)
      .catch(() => assert.fail(`the first row does not begin with ${text}`));
  const state = (name: string, sorted: string) =>
    page.waitForSelector(`::-p-xpath(//th[@aria-sort='${sorted}'][.='${name}'])`);
  await page.goto(`${url}/console#/keys`);
  await press(page, 'Name');
  await first('a');
  await state('Name', 'ascending');
  await page.keyboard.press('Enter');
  await first('客服机器人');
  await state('Name', 'descending');
  assert.match(page.url(), /#\/keys\?sort=-name$/);
  await page.reload();
  await first('客服机器人');
  await press(page, 'Next');
  await seen(page, '51–60');
  await press(page, 'Name');
  await state('Name', 'none');
  assert.match(page.url(), /#\/keys$/, 'another order begins at the first page');

  await page.goto(`${url}/console#/budgets`);
  await seen(page, '1–50 of 60');
  await press(page, 'Amount');
  await first('budget-60');
  await fill(page, 'Search by name', 'budget-7');
  await first('budget-7');
  await seen(page, '$7.00');
  await page.goto(`${url}/console#/teams`);
  await seen(page, '$60.00');

  await page.goto(`${url}/console#/requests?since=7d`);
  await press(page, 'Took');
  await seen(page, '9.24 s');
  await page.waitForFunction('document.querySelector("tbody tr").innerText.includes("9.24 s")');
  await page.goto(`${url}/console#/usage?by=model&sort=p95`);
  await state('p95', 'ascending');
  await press(page, 'Input tokens');
  await state('Input tokens', 'descending');
  await page.goto(`${url}/console#/overview?providers=-weight`);
  await press(page, 'Provider');
  await first('away');
}

/** From a bar, and from a row, to the requests of its time. */
async function openFromCharts(page: Page, url: string): Promise<void> {
  const open = async (place: string) => {
    await page.goto(`${url}/console#/${place}`);
    await page.waitForSelector('.chart .u-over');
    await page.waitForFunction('!document.querySelector(".skeleton, .stale")');
  };
  await open('usage?by=model&span=24h');
  const total = () => page.$eval('.legend b', (sum) => sum.textContent);
  const before = await total();
  await page.focus('.legend button');
  await page.keyboard.press('Space');
  await page.waitForSelector('.legend button[aria-pressed=false]');
  assert.notEqual(await total(), before, 'the total is that of what is shown');
  await page.keyboard.press('Space');
  assert.equal(await total(), before);

  await page.focus('[role=slider]');
  const chosen = () => page.$eval('[role=slider]', (chart) => chart.getAttribute('aria-valuetext'));
  const last = await chosen();
  await page.keyboard.press('ArrowLeft');
  await page.waitForFunction(
    'document.querySelector("[role=slider]").getAttribute("aria-valuenow") === "23"',
  );
  assert.notEqual(await chosen(), last);
  await page.keyboard.press('End');
  await page.keyboard.press('Enter');
  await page.waitForSelector('input[aria-label=Until]');
  assert.match(page.url(), /#\/requests\?since=[^&]+%3A00%3A00.000Z&until=[^&]+Z$/);
  await page.waitForSelector('tbody tr');

  await open('usage?by=model&span=24h');
  const plot = await (await page.$('.u-over'))?.boundingBox();
  assert.ok(plot);
  // The last of 25 hours, near the ground: the bar of the largest model.
  await page.mouse.click(plot.x + plot.width * (24.4 / 25), plot.y + plot.height - 4);
  await page.waitForSelector('input[aria-label=Until]');
  assert.match(page.url(), /model=/);
  await open('usage?by=model&span=24h');
  const y = plot.y + plot.height / 2;
  await page.mouse.move(plot.x + plot.width * (20.5 / 25), y);
  await page.mouse.down();
  await page.mouse.move(plot.x + plot.width * (22.5 / 25), y, { steps: 4 });
  await page.mouse.up();
  await page.waitForSelector('input[aria-label=Until]');
  const [since = '', until = ''] = [...page.url().matchAll(/20\d\d-[^&]+/g)].map(([time]) =>
    decodeURIComponent(time),
  );
  assert.equal(Date.parse(until) - Date.parse(since), 3 * 3_600_000, 'three hours drawn over');
  await open('usage?by=day');
  await page.click('tbody td a');
  await page.waitForSelector('input[aria-label=Until]');
  await open('overview');
  await page.focus('[role=slider]');
  await page.keyboard.press('Enter');
  await page.waitForSelector('input[aria-label=Until]');
}
