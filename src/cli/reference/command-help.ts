import type { Command } from 'commander';

/** The parts of a command's help. */
export interface CommandHelp {
  /** Such as `llmproxy provider add`. */
  path: string;
  /** Such as `llmproxy provider add [options] <provider_key>`. */
  usage: string;
  description: string;
  arguments: { term: string; description: string }[];
  options: { term: string; description: string }[];
  commands: { path: string; description: string }[];
  /** False for a command that only groups others. */
  isRunnable: boolean;
  /** The text after the options: notes and examples. */
  notes: string;
  /** The whole help, as `--help` prints it in 80 columns. */
  text: string;
}

export function commandHelp(command: Command): CommandHelp {
  let text = '';
  command.configureOutput({
    writeOut: (piece) => {
      text += piece;
    },
    getOutHelpWidth: () => 80,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  const help = command.createHelp();
  return {
    path: pathOf(command),
    usage: help.commandUsage(command),
    description: command.description(),
    arguments: help
      .visibleArguments(command)
      .map((one) => ({ term: help.argumentTerm(one), description: help.argumentDescription(one) })),
    options: help
      .visibleOptions(command)
      .map((one) => ({ term: help.optionTerm(one), description: help.optionDescription(one) })),
    commands: help
      .visibleCommands(command)
      .filter((child) => child.name() !== 'help')
      .map((child) => ({ path: pathOf(child), description: child.description() })),
    // Commander has no public test for an action.
    isRunnable: '_actionHandler' in command && command._actionHandler !== null,
    notes: text.slice(command.helpInformation().length).trim(),
    text: text.trimEnd(),
  };
}

function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}
