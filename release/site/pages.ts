import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

/** A page of the documentation. */
export interface Page {
  /** Path of the Markdown in the repository, such as `docs/spend.md`. */
  path: string;
  /** Name in the site, such as `spend`. */
  name: string;
  title: string;
  language: string;
  markdown: string;
}

/** Pages that the navigation shows under one heading. */
export interface Group {
  title: string;
  pages: Page[];
}

/**
 * The pages that the README links to, in its order: first those of its text, then those of its
 * table, a group for each row. Every page is in the first group that names it.
 * @param root the repository.
 */
export function readGroups(root: string): Group[] {
  const readme = readPage(root, 'README.md');
  const known = new Set(['README.md']);
  const rows = readme.markdown.matchAll(/^\| (?!To \|)([^|]+) \| (.*\]\(.*) \|$/gm);
  const table = [...rows].map(([, task = '', links = '']) => ({
    // A link of the task itself is one of its pages, too.
    title: task.replace(/[,;:].*/, '').replace(/`/g, ''),
    links: `${links} ${task}`,
  }));
  const text = table.reduce((rest, { links }) => rest.replace(links, ''), readme.markdown);
  const pagesOf = (links: string) => {
    const targets = [...links.matchAll(/\]\(([^)#:]+\.md)[^)]*\)/g)].map(([, path = '']) => path);
    const fresh = [...new Set(targets)].filter((path) => !known.has(path));
    for (const path of fresh) known.add(path);
    return fresh.map((path) => readPage(root, path));
  };
  const groups = table.map(({ title, links }) => ({ title, pages: pagesOf(links) }));
  return [{ title: 'Start', pages: [readme, ...pagesOf(text)] }, ...groups];
}

/** Path in the repository of what a page links to, and the heading there. */
export function targetOf(page: Page, href: string): { path: string; heading: string } {
  const [path = '', heading = ''] = href.split('#');
  return { path: path === '' ? page.path : normalize(join(dirname(page.path), path)), heading };
}

function readPage(root: string, path: string): Page {
  const markdown = readFileSync(join(root, path), 'utf8');
  const language = path.endsWith('_CN.md') ? 'zh' : 'en';
  const [, heading = path] = /^# (.+)$/m.exec(markdown) ?? [];
  // Both READMEs have the same heading.
  const title = language === 'zh' ? '中文' : heading;
  return { path, name: nameOf(path), title, language, markdown };
}

/** Pages besides those of docs/ are of the project: one of them has the name of a page of docs/. */
function nameOf(path: string): string {
  if (path === 'README.md') return 'index';
  const name = path.replace(/(\/README)?\.md$/, '').toLowerCase();
  return name.startsWith('docs/') ? name.slice('docs/'.length) : `project-${name}`;
}
