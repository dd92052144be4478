import { Argument, Command, Option } from 'commander';
import { visible } from '../../observe/visible.js';
import { openGateway } from '../daemon/ask-daemon.js';
import { CliError } from '../failure.js';
import { print, printJson } from '../output.js';

const shells = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof shells)[number];

/** `llmproxy completion`: prints the script that lets a shell complete commands and options. */
export function completionCommand(): Command {
  return (
    new Command('completion')
      .description('print a script that completes commands and options')
      .addArgument(new Argument('<shell>', 'the shell').choices(shells))
      .option('--json', 'print the script as JSON')
      // Called by the generated scripts.
      .addOption(new Option('--names <kind>').choices(['providers', 'keys']).hideHelp())
      .addOption(new Option('--prefix <text>').hideHelp())
      .addHelpText(
        'after',
        `
Examples:
  $ llmproxy completion bash > /etc/bash_completion.d/llmproxy
  $ llmproxy completion zsh > ~/.zfunc/_llmproxy
  $ llmproxy completion fish > ~/.config/fish/completions/llmproxy.fish`,
      )
      .action(run)
  );
}

interface CompletionFlags {
  json?: boolean;
  names?: 'providers' | 'keys';
  prefix?: string;
}

const maxNames = 200;

/**
 * Prints the names with a prefix that the running gateway knows, one per line. Prints nothing if
 * the gateway cannot be asked: starting a database would take too long for a completion.
 */
async function printNames(kind: 'providers' | 'keys', prefix: string): Promise<void> {
  try {
    const ask = await openGateway({}, true);
    const query = new URLSearchParams({ limit: String(maxNames), search: prefix });
    const path = kind === 'keys' ? `/admin/v1/credentials?${query}` : '/admin/v1/providers';
    const rows = Object.values((await ask(path)) as object).find(Array.isArray) ?? [];
    for (const row of rows) {
      const name = String(kind === 'keys' ? row.name : row.provider_key);
      if (name.startsWith(prefix)) print(visible(name));
    }
  } catch {
    // A completing shell shows no errors.
  }
}

async function run(
  shell: Shell,
  { json, names, prefix = '' }: CompletionFlags,
  command: Command,
): Promise<void> {
  if (names) {
    await printNames(names, prefix);
    return;
  }
  const { completionScripts } = await import('./completion-scripts.js');
  if (!command.parent) throw new CliError('there is no command to complete');
  const script = completionScripts[shell](command.parent);
  if (json) printJson({ shell, script });
  else print(script.trimEnd());
}
