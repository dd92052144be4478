import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const read = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../../../${name}`, import.meta.url)), 'utf8');
const english = read('README.md');
const chinese = read('README_CN.md');

/** Code blocks, which name a model in any language's syntax. */
function blocks(text: string): string[] {
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, language, code]) =>
    `${language}\n${code}`.replace(/"content": "[^"]*"/g, '"content": …'),
  );
}

/** Levels of the headings, in order. */
function outline(text: string): number[] {
  return [...text.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/^(#+) /gm)].map(
    ([, marks]) => marks?.length ?? 0,
  );
}

test('the Chinese README has the headings, commands and links of the English one', () => {
  assert.deepEqual(outline(chinese), outline(english));
  assert.deepEqual(blocks(chinese), blocks(english));
  const pages = (text: string) =>
    [...text.matchAll(/\]\(((?:docs|bench)\/[^)#]+|CONTRIBUTING\.md)/g)].map(([, page]) => page);
  assert.deepEqual(new Set(pages(chinese)), new Set(pages(english)));
});
