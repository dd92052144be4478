import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readGroups } from '../../release/site/pages.js';
import { writeSite } from '../../release/site/site.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const out = mkdtempSync(join(tmpdir(), 'llmproxy-site-'));
after(() => rmSync(out, { recursive: true, force: true }));
writeSite(root, out);
const files = readdirSync(out).filter((name) => name.endsWith('.html'));
const textOf = (name: string) => readFileSync(join(out, name), 'utf8');
const idsOf = (html: string) => [...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);

test('every page of docs is in the site, once in the navigation, and in the book', () => {
  const index = textOf('index.html');
  const [navigation = ''] = /<nav[\s\S]*<\/nav>/.exec(index) ?? [];
  for (const page of readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'))) {
    const name = page.replace('.md', '');
    assert.ok(files.includes(`${name}.html`), `the README does not link to docs/${page}`);
    assert.equal(navigation.split(`href="${name}.html"`).length, 2, name);
    assert.ok(textOf('book.html').includes(`<section id="${name}">`), name);
  }
  assert.ok(navigation.includes('href="index.html" aria-current="page"'));
});

test('a group has the title of its task, and the pages of its row that none before it has', () => {
  const groups = readGroups(root);
  const named = groups.map(({ title, pages }) => [title, pages.map(({ path }) => path)]);
  assert.deepEqual(named[0], ['Start', ['README.md', 'README_CN.md', 'docs/quick-starts.md']]);
  const [, deploy, configure] = named;
  assert.deepEqual(deploy?.[0], 'Deploy it');
  assert.deepEqual(deploy?.[1]?.slice(0, 2), ['docs/deployment.md', 'docs/fleet.md']);
  assert.ok(deploy?.[1]?.includes('docs/operations.md'));
  assert.ok(!configure?.[1]?.includes('docs/operations.md'));
});

for (const file of files) {
  test(`the links and pictures of ${file} lead somewhere, without a server`, () => {
    const html = textOf(file);
    const ids = idsOf(html);
    assert.equal(new Set(ids).size, ids.length, 'an id is used twice');
    for (const [, address = ''] of html.matchAll(/(?:href|src)="([^"]*)"/g)) {
      if (/^[a-z]+:/.test(address)) continue;
      const [path = '', id] = address.split('#');
      assert.ok(path === '' || existsSync(join(out, path)), address);
      const target = path === '' ? html : textOf(path);
      if (id !== undefined) assert.ok(idsOf(target).includes(id), address);
    }
    assert.doesNotMatch(html, /<script|\bon[a-z]+="/);
  });
}

test('text that is not markup in Markdown is not markup in HTML', () => {
  assert.match(textOf('commands.html'), /&lt;url&gt;/);
  for (const file of files) assert.doesNotMatch(textOf(file), /<(url|file|n|path|name)>/, file);
});

test('each picture of a concept is on its page, and says in words what it shows', () => {
  const pictures = readdirSync(join(root, 'docs/pictures'));
  assert.ok(pictures.length >= 14);
  const pages = files.filter((file) => file !== 'book.html').map(textOf);
  for (const picture of pictures) {
    const text = readFileSync(join(root, 'docs/pictures', picture), 'utf8');
    const [, title = ''] = /<title>(.+)<\/title>/.exec(text) ?? [];
    const shown = `<img src="${picture}" alt="${title}">`;
    assert.ok(
      pages.some((page) => page.includes(shown)),
      shown,
    );
  }
});
