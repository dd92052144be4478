import { Marked } from 'marked';
import { type Page, targetOf } from './pages.js';

/** A heading, as the table of contents shows it. */
interface Heading {
  id: string;
  depth: number;
  html: string;
}

export interface Rendered {
  html: string;
  headings: Heading[];
}

/**
 * A page as HTML.
 * @param link the address of a file of the repository, or of a heading of it.
 * @param idOf the id of an element for a heading, by the anchor that Markdown gives it.
 */
export function render(
  page: Page,
  link: (path: string, heading: string) => string,
  idOf: (anchor: string) => string = (anchor) => anchor,
): Rendered {
  const headings: Heading[] = [];
  const used = new Map<string, number>();
  const address = (href: string) => {
    if (/^[a-z]+:/.test(href)) return href;
    const { path, heading } = targetOf(page, href);
    return link(path, heading);
  };
  const marked = new Marked({
    renderer: {
      heading({ tokens, depth, text }) {
        const html = this.parser.parseInline(tokens);
        const anchor = anchorOf(text);
        const before = used.get(anchor) ?? 0;
        used.set(anchor, before + 1);
        const id = idOf(before === 0 ? anchor : `${anchor}-${before}`);
        headings.push({ id, depth, html });
        return `<h${depth} id="${id}">${html}</h${depth}>\n`;
      },
      link({ href, tokens }) {
        return `<a href="${escaped(address(href))}">${this.parser.parseInline(tokens)}</a>`;
      },
      image({ href, text }) {
        return `<img src="${escaped(address(href))}" alt="${escaped(text)}">`;
      },
      table(token) {
        const cells = (row: typeof token.header, tag: 'th' | 'td') =>
          row
            .map(({ tokens, align }) => {
              const side = align === null ? '' : ` class="${align}"`;
              return `<${tag}${side}>${this.parser.parseInline(tokens)}</${tag}>`;
            })
            .join('');
        const rows = token.rows.map((row) => `<tr>${cells(row, 'td')}</tr>`).join('\n');
        const head = token.header.some(({ text }) => text !== '')
          ? `<thead><tr>${cells(token.header, 'th')}</tr></thead>\n`
          : '';
        // A wide table scrolls inside of this.
        return `<div class="table"><table>\n${head}<tbody>\n${rows}\n</tbody></table></div>\n`;
      },
    },
  });
  return { html: marked.parse(page.markdown, { async: false }), headings };
}

/** The anchor that GitHub makes of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

export function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
