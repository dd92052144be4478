/**
 * The part of the change log about a version, or `Unreleased` where it has none yet, as a document.
 * @throws Error where there is neither.
 */
export function releaseNotes(changelog: string, version: string): string {
  for (const title of [version, 'Unreleased']) {
    const start = changelog.search(new RegExp(`^## \\[?${title.replaceAll('.', '\\.')}\\b`, 'm'));
    if (start < 0) continue;
    const body = changelog.slice(changelog.indexOf('\n', start) + 1);
    const end = body.search(/^## /m);
    return `# llmproxy ${version}\n\n${(end < 0 ? body : body.slice(0, end)).trim()}\n`;
  }
  throw new Error(`CHANGELOG.md has nothing about ${version}`);
}
