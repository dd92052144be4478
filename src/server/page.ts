/** True if a browser asks for a page: it would show JSON as plain text. */
export function wantsPage(method: string, accept: string): boolean {
  return method === 'GET' && /(?:^|[,\s])text\/html\b/i.test(accept);
}

/** No scripts and no foreign content. */
export const pageHeaders: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** @param html content of the page, below its title. */
export function page(title: string, html: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>body { font: 16px/1.5 sans-serif; max-width: 40em; margin: 4em auto; padding: 0 1em; }</style>
</head>
<body>
<h1>${escaped(title)}</h1>
${html}
</body>
</html>
`;
}

/** An error as a page for a browser. */
export function errorPage(status: number, message: string, requestId: string): string {
  const home = '<p><a href="/">What this is, and where to go</a></p>';
  const request = `<p>Request <code>${escaped(requestId)}</code></p>`;
  return page(`Error ${status}`, `<p>${escaped(message)}</p>\n${request}\n${home}`);
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
