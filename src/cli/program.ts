import { Command } from 'commander';
import { auditCommand } from './audit.js';
import { completionCommand } from './completion.js';
import { configCommand } from './config.js';
import { connectCommand } from './connect.js';
import { demoCommand } from './demo.js';
import { doctorCommand } from './doctor.js';
import { explainCommand } from './explain.js';
import { importCommand } from './import.js';
import { keysCommand } from './keys.js';
import { migrateCommand } from './migrate.js';
import { mockProviderCommand } from './mock-provider.js';
import { packageVersion } from './package-version.js';
import { providerCommand } from './provider.js';
import { requestsCommand } from './requests.js';
import { secretsCommand } from './secrets.js';
import { serveCommand } from './serve.js';
import { statusCommand } from './status.js';
import { stopCommand } from './stop.js';
import { systemdCommand } from './systemd.js';
import { upgradeCommand } from './upgrade.js';
import { usageCommand } from './usage.js';

/** The command line: every command, its flags and its help. Errors are thrown, not printed. */
export function buildProgram(): Command {
  const program = new Command('llmproxy')
    .description('A self-hosted, OpenAI-compatible LLM gateway')
    .version(packageVersion(), '--version')
    .addHelpText(
      'after',
      `
Examples:
  $ llmproxy demo                      see it run, with nothing set up
  $ llmproxy serve                     start the gateway
  $ llmproxy provider add openai --api-base https://api.openai.com/v1 \\
      --api-key-env OPENAI_API_KEY     while it runs, or before
  $ llmproxy keys create alice         a key for a client`,
    );
  const commands = [
    serveCommand(),
    stopCommand(),
    upgradeCommand(),
    providerCommand(),
    keysCommand(),
    connectCommand(),
    configCommand(),
    importCommand(),
    auditCommand(),
    secretsCommand(),
    usageCommand(),
    requestsCommand(),
    statusCommand(),
    explainCommand(),
    doctorCommand(),
    migrateCommand(),
    mockProviderCommand(),
    systemdCommand(),
    demoCommand(),
    completionCommand(),
  ];
  for (const command of commands) program.addCommand(command);
  for (const command of withDescendants(program)) {
    command.exitOverride().configureOutput({ outputError: () => {} });
  }
  return program;
}

/** The command and all below it. */
export function* withDescendants(command: Command): Generator<Command> {
  yield command;
  for (const child of command.commands) yield* withDescendants(child);
}

/** The part of the arguments that names the command, such as `llmproxy provider add`. */
export function commandPath(program: Command, args: readonly string[]): string {
  let command = program;
  const names = [program.name()];
  for (const arg of args) {
    const child = command.commands.find((each) => each.name() === arg);
    if (child === undefined) break;
    command = child;
    names.push(arg);
  }
  return names.join(' ');
}
