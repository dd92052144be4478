import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SignInLinks } from '../../../src/admin/session/sign-in-links.js';

const key = { name: 'admin', sha256: '0'.repeat(64), role: 'admin', expiresAt: null } as const;
const codeOf = ({ url }: { url: string }) => url.slice(url.indexOf('#sign-in=') + 9);

test('a link signs in once, for ten minutes, and only the newest hundred work', () => {
  let now = 0;
  const links = new SignInLinks(() => now);
  const first = links.create(key, 'http://gateway/console');
  assert.match(first.url, /^http:\/\/gateway\/console#sign-in=once-[\w-]{32}$/);
  assert.equal(links.redeem(codeOf(first)), key);
  assert.equal(links.redeem(codeOf(first)), null, 'a second time');
  assert.equal(links.redeem('once-guessed'), null);

  const late = codeOf(links.create(key, ''));
  const inTime = codeOf(links.create(key, ''));
  now = 10 * 60_000 - 1;
  assert.equal(links.redeem(inTime), key);
  now = 10 * 60_000;
  assert.equal(links.redeem(late), null);

  const all = Array.from({ length: 101 }, () => codeOf(links.create(key, '')));
  assert.equal(links.redeem(all[0] ?? ''), null);
  assert.equal(links.redeem(all[1] ?? ''), key);
  assert.equal(links.redeem(all[100] ?? ''), key);
});
