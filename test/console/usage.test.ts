import assert from 'node:assert/strict';
import { test } from 'node:test';
import { insertRequestLogs } from '../../src/db/queries/requests/insert-request-logs.js';
import { logRow } from '../support/usage-row.js';
import { openPage, press, signIn, skip, startBrowser } from './browser.js';
import { startFilled } from './fixture.js';

test('the chart of usage shows the first groups of the table, and the server ranks them once', {
  skip,
}, async (t) => {
  const daemon = await startFilled(t, { keys: 3, requests: 300 });
  const browser = await startBrowser(t);
  const watched = await openPage(browser, daemon.url);
  const { page, problems } = watched;
  await signIn(watched, daemon.url, daemon.adminKey);
  const asked: URLSearchParams[] = [];
  page.on('request', (request) => {
    const { pathname, searchParams } = new URL(request.url());
    if (pathname.endsWith('/admin/v1/usage')) asked.push(searchParams);
  });
  /** The requests since the last call, the table's first. */
  const questions = async () => {
    await page.waitForFunction('!document.querySelector(".skeleton, .stale")');
    await page.waitForSelector('.chart .u-over');
    const all = asked.splice(0);
    return ['by', 'sort', 'top'].map((name) => all.map((query) => query.get(name)));
  };
  const texts = (selector: string) =>
    page.$$eval(selector, (all) =>
      all.map((each) => String(Reflect.get(each, 'innerText')).trim()),
    );

  await page.goto(`${daemon.url}/console#/usage?by=model&span=24h`);
  await page.waitForSelector('.legend');
  const { length } = asked;
  assert.deepEqual(asked.at(-1)?.getAll('keep'), await texts('tbody td:first-child a'));
  assert.deepEqual(await questions(), [
    ['model', 'hour,model'],
    ['-cost_nano', null],
    [null, null],
  ]);
  assert.equal(length, 2);

  await page.goto(`${daemon.url}/console#/usage?by=key`);
  await page.waitForSelector('tbody td a[href*=alice]');
  await page.waitForFunction(`document.querySelector('.legend')?.innerText.includes('alice')`);
  const [row] = await daemon.sql`SELECT id FROM credentials WHERE name = 'alice'`;
  assert.ok(asked.at(-1)?.getAll('keep').includes(String(row?.id)), 'a key with an id, by that');
  assert.ok(asked.at(-1)?.getAll('keep').includes('客服机器人'));
  await questions();

  await page.goto(`${daemon.url}/console#/usage?by=day`);
  await page.waitForFunction(`document.querySelector('main th')?.innerText === 'Day'`);
  assert.deepEqual(await questions(), [
    ['day', 'hour'],
    [null, null],
    [null, null],
  ]);

  const models = Array.from({ length: 7 }, (_, number) =>
    logRow({
      ...{ started_ms: Date.now() - 5_000, model: `new-${number}`, provider: 'openai-main' },
      cost_nano: 1_000_000_000_000 * (1 + number),
    }),
  );
  await insertRequestLogs(daemon.sql, models);
  await page.goto(`${daemon.url}/console#/usage?by=model`);
  await page.waitForFunction(`document.querySelector('.legend')?.innerText.includes('All others')`);
  const five = ['new-6', 'new-5', 'new-4', 'new-3', 'new-2'];
  assert.deepEqual(asked.at(-1)?.getAll('keep'), five);
  await questions();

  await page.goto(`${daemon.url}/console#/usage?by=key`);
  await page.waitForSelector('tbody td a[href*=alice]');
  await questions();
  await press(page, 'Output tokens');
  await page.waitForSelector('th[aria-sort=descending]');
  assert.deepEqual(await questions(), [['key'], ['-completion_tokens'], [null]], 'the chart stays');
  await press(page, 'Tokens');
  await page.waitForSelector('[aria-label=Measure] [aria-pressed=true]');
  assert.deepEqual(await questions(), [['hour,key'], ['-total_tokens'], ['5']]);
  assert.deepEqual(problems, []);
});
