import type { Command } from 'commander';
import { withDescendants } from '../program.js';
import { commandHelp } from './command-help.js';

/** docs/commands.md, generated from the commands. */
export function commandsPage(program: Command): string {
  const all = [...withDescendants(program)].map(commandHelp);
  const runnable = all.filter(({ isRunnable }) => isRunnable);
  const rows = runnable.map(
    ({ path, description }) => `| [\`${path}\`](#${anchor(path)}) | ${description} |`,
  );
  return `<!-- Made from the commands: npm run reference -->
# Commands

Every command has \`--json\` for scripts, and \`--help\` with examples. It exits with 0, with 1 when
it failed, and with 2 when the command line or a setting is wrong. Results go to standard output,
everything else to standard error. On a terminal a command asks for missing values, and before it
deletes; in a script it never asks, and deletes only with \`--yes\`.

| command | what it does |
|---|---|
${rows.join('\n')}

${runnable.map(({ path, text }) => `## ${path}\n\n\`\`\`text\n${text}\n\`\`\``).join('\n\n')}
`;
}

function anchor(path: string): string {
  return path.replaceAll(' ', '-');
}
