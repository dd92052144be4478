import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const files = ['.', 'docs', 'bench', 'config/overrides.d'].flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
);

/** Headings as the anchors that a page makes of them. */
function anchors(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

for (const file of files) {
  test(`the links of ${file} lead somewhere`, () => {
    const text = readFileSync(join(root, file), 'utf8');
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path = '', anchor] = target.split('#');
      const linked = path === '' ? join(root, file) : join(root, dirname(file), path);
      assert.ok(existsSync(linked), `${target} does not exist`);
      if (anchor === undefined) continue;
      assert.ok(anchors(readFileSync(linked, 'utf8')).includes(anchor), `${target} has no heading`);
    }
  });
}

test('references of links are defined, and used', () => {
  for (const file of files) {
    const text = readFileSync(join(root, file), 'utf8').replace(/^```[\s\S]*?^```$/gm, '');
    const defined = [...text.matchAll(/^\[([^\]]+)\]: \S+$/gm)].map(([, name]) => name);
    const body = text.replace(/^\[[^\]]+\]: \S+$/gm, '');
    const used = [...body.matchAll(/\]\[([^\]]+)\]/g)].map(([, name]) => name);
    const alone = defined.filter((name) => body.includes(`[${name}]`));
    assert.deepEqual(
      used.filter((name) => !defined.includes(name)),
      [],
      `${file}: undefined`,
    );
    assert.deepEqual(
      defined.filter((name) => !alone.includes(name)),
      [],
      `${file}: unused`,
    );
  }
});

test('each cell of the comparison has a source, or is empty', () => {
  const text = readFileSync(join(root, 'docs/comparison.md'), 'utf8');
  const rows = [...text.matchAll(/^\| (?!\||---)(.*) \|$/gm)].map(([, row = '']) =>
    row.split(' | '),
  );
  assert.ok(rows.length > 30);
  for (const [feature, ...cells] of rows) {
    assert.equal(cells.length, 6, feature);
    for (const cell of cells)
      assert.match(cell, /^(?:–|\[[^\]]+\](?:\[[^\]]+\]|\([^)]+\)))$/, feature);
  }
});

test('the README in Chinese has the commands, the examples and the links of the one in English', () => {
  const [english, chinese] = ['README.md', 'README_CN.md'].map((name) => {
    const text = readFileSync(join(root, name), 'utf8');
    return {
      blocks: [...text.matchAll(/```[\s\S]*?```/g)].map(([block]) => block),
      links: [...text.matchAll(/\]\(((?!README)[^)]+)\)/g)].map(([, target]) => target),
      headings: [...text.matchAll(/^#+/gm)].length,
    };
  });
  assert.deepEqual(chinese, english);
});
