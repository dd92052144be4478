import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Group, type Page, readGroups } from './pages.js';
import { escaped, type Rendered, render } from './render.js';

/**
 * Writes the documentation as a site that needs no server: a page for each page, and `book.html`
 * with all of them in one, to print.
 * @param root the repository.
 * @param out a folder, which is replaced.
 */
export function writeSite(root: string, out: string): void {
  const groups = readGroups(root);
  const pages = groups.flatMap((group) => group.pages);
  const named = new Map(pages.map((page) => [page.path, page]));
  const files = new Set<string>();
  /** Pictures and the like are copied beside the pages. */
  const fileFor = (path: string) => {
    files.add(path);
    return basename(path);
  };
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  for (const page of pages) {
    const rendered = render(page, (path, heading) => {
      const target = named.get(path);
      if (!target) return fileFor(path);
      const file = target === page ? '' : `${target.name}.html`;
      return heading === '' ? file || `${page.name}.html` : `${file}#${heading}`;
    });
    writeFileSync(join(out, `${page.name}.html`), pageOf(page, rendered, groups));
  }
  writeFileSync(join(out, 'book.html'), bookOf(groups, named, fileFor));
  for (const path of files) cpSync(join(root, path), join(out, basename(path)));
  cpSync(join(root, 'release/site/style.css'), join(out, 'style.css'));
}

function pageOf(page: Page, { html, headings }: Rendered, groups: readonly Group[]): string {
  const parts = headings.filter(({ depth }) => depth === 2);
  const contents = parts.map((part) => `<li><a href="#${part.id}">${part.html}</a></li>`).join('');
  const onPage = parts.length < 3 ? '' : `<aside><b>On this page</b><ul>${contents}</ul></aside>`;
  return htmlOf(
    page.name === 'index' ? 'llmproxy' : `${page.title} · llmproxy`,
    page.language,
    `${navigation(groups, page)}<main>${onPage}\n${html}</main>`,
  );
}

function navigation(groups: readonly Group[], current: Page): string {
  const lists = groups.map(({ title, pages }) => {
    const items = pages.map((page) => {
      const here = page === current ? ' aria-current="page"' : '';
      return `<li><a href="${page.name}.html"${here}>${escaped(page.title)}</a></li>`;
    });
    return `<p>${escaped(title)}</p><ul>${items.join('')}</ul>`;
  });
  return `<nav aria-label="Pages">${lists.join('\n')}\n<p>All in one</p><ul><li><a href="book.html">To print</a></li></ul></nav>\n`;
}

function bookOf(
  groups: readonly Group[],
  named: ReadonlyMap<string, Page>,
  fileFor: (path: string) => string,
): string {
  const inEnglish = groups.map(({ title, pages }) => ({
    title,
    pages: pages.filter(({ language }) => language === 'en'),
  }));
  const idIn = (page: Page, anchor: string) => `${page.name}--${anchor}`;
  const sections = inEnglish.flatMap(({ pages }) =>
    pages.map((page) => {
      const { html } = render(
        page,
        (path, heading) => {
          const target = named.get(path);
          if (!target) return fileFor(path);
          if (target.language !== 'en') return `${target.name}.html`;
          return `#${heading === '' ? target.name : idIn(target, heading)}`;
        },
        (anchor) => idIn(page, anchor),
      );
      return `<section id="${page.name}">\n${html}</section>`;
    }),
  );
  const contents = inEnglish.map(({ title, pages }) => {
    const items = pages.map(
      (page) => `<li><a href="#${page.name}">${escaped(page.title)}</a></li>`,
    );
    return `<p>${escaped(title)}</p><ul>${items.join('')}</ul>`;
  });
  const start = `<section class="contents"><h1>llmproxy: the documentation</h1>${contents.join('\n')}</section>`;
  const text = `<main class="book">${start}\n${sections.join('\n')}</main>`;
  return htmlOf('The documentation of llmproxy', 'en', text);
}

function htmlOf(title: string, language: string, body: string): string {
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<link rel="stylesheet" href="style.css">
</head>
<body>
${body}
</body>
</html>
`;
}
