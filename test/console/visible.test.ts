import assert from 'node:assert/strict';
import { test } from 'node:test';
import { visible } from '../../src/console/lib/visible.js';
import { invisible } from '../../src/observe/visible.js';
import { askChat } from '../support/ask.js';
import { openPage, seen, signIn, skip, startBrowser } from './browser.js';
import { startFilled } from './fixture.js';

test('invisible characters are those that the terminal escapes, but for lines and emoji', () => {
  assert.equal(visible('a\u202eb\u200b\u{e0041}'), 'a\\u202eb\\u200b\\udb40\\udc41');
  assert.equal(
    visible('one\n\ttwo 👩\u200d💻 ❤\ufe0f שלום 客服'),
    'one\n\ttwo 👩\u200d💻 ❤\ufe0f שלום 客服',
  );
  assert.equal(visible('a\u200db a\ufe0f 👩\u200db'), 'a\\u200db a\\ufe0f 👩\\u200db');
  assert.equal(visible('x\u00ad'), 'x\\u00ad');
  for (let code = 0; code <= 0xffff; code++) {
    const character = String.fromCharCode(code);
    const isKept = visible(character) === character;
    assert.equal(isKept, !character.match(invisible) || '\t\n\r'.includes(character), `${code}`);
  }
});

const hostile = 'ali\u202eec\u200b';
const escaped = 'ali\\u202eec\\u200b';

test('no page shows a name raw whose characters are invisible or turn others round', {
  skip,
}, async (t) => {
  const daemon = await startFilled(t, { keys: 3, requests: 5 });
  const { sql } = daemon;
  const key = await daemon.addKey(hostile);
  await sql`INSERT INTO teams (name, tags, admins) VALUES
    (${hostile}, ${sql.json([hostile])}, ${sql.json([hostile])})`;
  await sql`UPDATE credentials SET team = ${hostile} WHERE name = ${hostile}`;
  await sql`INSERT INTO budgets (name, amount, mode, applies_to)
    VALUES (${hostile}, 1, 'soft', ${sql.json({ key: hostile })})`;
  await daemon.reload();
  await askChat(daemon.url, key, 'gpt-4o');
  const browser = await startBrowser(t);
  const watched = await openPage(browser, daemon.url);
  const { page, problems } = watched;
  await signIn(watched, daemon.url, daemon.adminKey);
  await seen(page, `of the budget ${escaped} is spent`);
  const shown = `(() => {
    const titles = [...document.querySelectorAll('[title], [aria-label]')].flatMap((each) => [
      each.getAttribute('title'), each.getAttribute('aria-label'),
    ]);
    return [document.title, document.body.innerText, ...titles].join('\\n');
  })()`;
  for (const place of [
    'overview',
    'keys',
    'teams',
    'budgets',
    'requests',
    'audit',
    'usage?by=key',
  ]) {
    await page.goto(`${daemon.url}/console#/${place}`);
    await seen(page, escaped);
    assert.doesNotMatch(String(await page.evaluate(shown)), /[\u202e\u200b]/, place);
  }
  await page.goto(`${daemon.url}/console#/keys`);
  await page.locator('[aria-label^="Rotate: ali\\\\u202e"]').click();
  await seen(page, `Rotate ${escaped}`);
  assert.deepEqual(problems, []);
});
