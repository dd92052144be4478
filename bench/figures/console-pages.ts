/**
 * Times every page of the console in a real browser, on the gateway that `million-rows.js --hold 1` keeps:
 * `CONSOLE_URL=http://… ADMIN_KEY=… node dist/bench/figures/console-pages.js`. A page counts as usable when it
 * shows its content and has opened the field of Ctrl+K. `PAGES=usage` opens only those whose address contains it.
 */
import type { Page } from 'puppeteer-core';
import { chromium, openPage, signIn, startBrowser } from '../../test/console/browser.js';
import { printTable, run, say } from '../faults/report.js';

const places = [
  ...['overview', 'overview?span=24h', 'overview?span=7d', 'overview?span=30d'],
  ...['requests', 'requests?team=team-7&since=7d', 'requests?status=error', 'requests?sort=-cost'],
  ...[
    'usage',
    'usage?span=30d',
    'usage?by=model',
    'usage?by=team',
    'usage?by=user',
    'usage?by=tag',
  ],
  ...['usage?by=provider', 'usage?by=day&span=30d', 'usage?by=key&daily=yes', 'usage?span=month'],
  ...['usage?by=team&span=last-month', 'playground', 'providers', 'providers?search=77', 'models'],
  ...['canaries', 'mirrors', 'cache', 'keys', 'keys?search=777', 'keys?team=team-7', 'teams'],
  ...['budgets', 'configuration', 'configuration?view=history', 'audit', 'fleet', 'health'],
];
const defaults = { 'patience-s': 60, rounds: 2 };

await run(defaults, async ({ 'patience-s': patience, rounds }, closers) => {
  const { CONSOLE_URL: url = '', ADMIN_KEY: key = '', PAGES: wanted = '' } = process.env;
  if (chromium === null || url === '') throw new Error('CONSOLE_URL and a Chromium are needed');
  const browser = await startBrowser({
    after: (close) => closers.push(async () => void (await (close as () => Promise<void>)())),
  });
  const watched = await openPage(browser, url);
  const { page } = watched;
  page.setDefaultTimeout(patience * 1_000);
  await signIn(watched, url, key);
  const table = [];
  for (const place of places.filter((each) => each.includes(wanted))) {
    const times: number[] = [];
    let slowest: Asked = { path: '', ms: 0, bytes: 0 };
    for (let round = 0; round < rounds; round++) {
      const { ms, asked } = await open(page, `${url}/console#/${place}`);
      times.push(ms);
      if (round === 0) slowest = asked.sort((a, b) => b.ms - a.ms)[0] ?? slowest;
    }
    const [first = 0, again = 0] = times;
    table.push({
      page: place,
      'first ms': first,
      'again ms': again,
      'slowest ms': slowest.ms,
      KB: Math.round(slowest.bytes / 1_000),
      answer: slowest.path.slice(0, 80),
    });
  }
  printTable(table);
});

interface Asked {
  path: string;
  ms: number;
  bytes: number;
}

/** Opens a page in a fresh document. */
async function open(page: Page, address: string): Promise<{ ms: number; asked: Asked[] }> {
  await page.goto('about:blank');
  const startMs = performance.now();
  await page.goto(address);
  const isShown = `document.querySelector('h1') && !document.querySelector('.skeleton, .stale')
    && document.querySelector('main')?.innerText.length > 20`;
  await page.waitForFunction(isShown, { polling: 'raf' }).catch(() => say(`${address} takes long`));
  await page.keyboard.down('Control');
  await page.keyboard.press('k');
  await page.keyboard.up('Control');
  await page.waitForSelector('dialog[open]').catch(() => {});
  const ms = Math.round(performance.now() - startMs);
  const asked = (await page.evaluate(
    `performance.getEntriesByType('resource').filter(({ name }) => name.includes('/admin/v1/'))
      .map(({ name, duration, decodedBodySize }) => ({ path: name.split('/admin/v1/')[1],
        ms: Math.round(duration), bytes: decodedBodySize }))`,
  )) as Asked[];
  return { ms, asked };
}
