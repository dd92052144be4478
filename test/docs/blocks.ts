import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** A fenced block of a page. */
export interface Block {
  /** Page and line, for messages. */
  place: string;
  language: string;
  text: string;
}

/** The pages that people write; docs/commands.md is made from the commands. */
export const pages: readonly string[] = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md') && name !== 'commands.md')
    .map((name) => `docs/${name}`),
];

export function readPage(page: string): string {
  return readFileSync(join(root, page), 'utf8');
}

export function blocksOf(page: string): Block[] {
  const text = readPage(page);
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map((found) => ({
    place: `${page}:${text.slice(0, found.index).split('\n').length}`,
    language: found[1] ?? '',
    text: found[2] ?? '',
  }));
}

/** The commands of a block for a shell, one each, with their continued lines. */
export function commandsIn({ language, text }: Block): string[] {
  const joined = text.replaceAll(/\\\n\s*/g, '').replaceAll(/(^|\s)#[^\n]*/g, '');
  if (language === 'console')
    return [...joined.matchAll(/^\$ (.*)$/gm)].map(([, line = '']) => line);
  if (!/^(sh|bash)$/.test(language)) return [];
  return [...joined.matchAll(/(?:'[^']*'|[^'\n])+/g)].map(([line]) => line);
}

/** The arguments of each use of `llmproxy` in a command, as a shell splits them. */
export function usesOf(command: string): string[][] {
  return [
    ...command.matchAll(/(?<![\w/.^-]|-t )llmproxy((?: +(?:'[^']*'|"[^"]*"|[^\s|&;<>()'"#])+)*)/g),
  ].map(([, rest = '']) =>
    [...rest.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)].map(([word]) =>
      word.replaceAll(/'([^']*)'|"([^"]*)"/g, (_, single, double) => single ?? double),
    ),
  );
}
