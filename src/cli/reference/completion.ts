import { Argument, Command } from 'commander';
import { CliError } from '../failure.js';
import { print, printJson } from '../output.js';

const shells = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof shells)[number];

/** `llmproxy completion`: prints the script that lets a shell complete commands and options. */
export function completionCommand(): Command {
  return new Command('completion')
    .description('print a script that completes commands and options')
    .addArgument(new Argument('<shell>', 'the shell').choices(shells))
    .option('--json', 'print the script as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ llmproxy completion bash > /etc/bash_completion.d/llmproxy
  $ llmproxy completion zsh > ~/.zfunc/_llmproxy
  $ llmproxy completion fish > ~/.config/fish/completions/llmproxy.fish`,
    )
    .action(run);
}

async function run(shell: Shell, { json }: { json?: boolean }, command: Command): Promise<void> {
  const { completionScripts } = await import('./completion-scripts.js');
  if (!command.parent) throw new CliError('there is no command to complete');
  const script = completionScripts[shell](command.parent);
  if (json) printJson({ shell, script });
  else print(script.trimEnd());
}
