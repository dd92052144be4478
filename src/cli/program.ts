import { Command } from 'commander';
import { auditCommand } from './audit/audit.js';
import { configCommand } from './config/config.js';
import { importCommand } from './config/import.js';
import { connectCommand } from './connect/connect.js';
import { consoleCommand } from './console/console.js';
import { serveCommand } from './daemon/serve.js';
import { statusCommand } from './daemon/status.js';
import { stopCommand } from './daemon/stop.js';
import { systemdCommand } from './daemon/systemd.js';
import { upgradeCommand } from './daemon/upgrade.js';
import { backupCommand, restoreCommand } from './database/backup.js';
import { migrateCommand } from './database/migrate.js';
import { demoCommand } from './demo/demo.js';
import { mockProviderCommand } from './demo/mock-provider.js';
import { doctorCommand } from './doctor/doctor.js';
import { guardrailsCommand } from './guardrails/guardrails.js';
import { keysCommand } from './keys/keys.js';
import { print, printJson } from './output.js';
import { packageVersion } from './package-version.js';
import { providerCommand } from './provider/provider.js';
import { completionCommand } from './reference/completion.js';
import { explainCommand } from './requests/explain.js';
import { requestsCommand } from './requests/requests.js';
import { usageCommand } from './requests/usage.js';
import { secretsCommand } from './secrets/secrets.js';
import { budgetsCommand } from './spend/budgets.js';
import { resumeCommand } from './spend/kill-switch.js';
import { pricesCommand } from './spend/prices.js';
import { teamsCommand } from './teams/teams.js';

/** The command line: every command, its flags and its help. Errors are thrown, not printed. */
export function buildProgram(): Command {
  const program = new Command('llmproxy')
    .description('A self-hosted, OpenAI-compatible LLM gateway')
    .version(packageVersion(), '-v, --version', 'print the version')
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
  // A command's options follow its name, also where the command above has some of the same names.
  program.enablePositionalOptions();
  const commands = [
    serveCommand(),
    stopCommand(),
    resumeCommand(),
    upgradeCommand(),
    providerCommand(),
    keysCommand(),
    teamsCommand(),
    connectCommand(),
    consoleCommand(),
    configCommand(),
    importCommand(),
    auditCommand(),
    secretsCommand(),
    pricesCommand(),
    budgetsCommand(),
    guardrailsCommand(),
    usageCommand(),
    requestsCommand(),
    statusCommand(),
    explainCommand(),
    doctorCommand(),
    migrateCommand(),
    backupCommand(),
    restoreCommand(),
    mockProviderCommand(),
    systemdCommand(),
    demoCommand(),
    completionCommand(),
    versionCommand(),
  ];
  for (const command of commands) program.addCommand(command);
  for (const command of withDescendants(program)) {
    command.exitOverride().configureOutput({ outputError: () => {} });
  }
  return program;
}

function versionCommand(): Command {
  return new Command('version')
    .description('print the version')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ llmproxy version --json')
    .action(({ json }: { json?: boolean }) => {
      if (json) printJson({ version: packageVersion() });
      else print(packageVersion());
    });
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
    const child = command.commands.find(
      (each) => each.name() === arg || each.aliases().includes(arg),
    );
    if (child === undefined) break;
    command = child;
    names.push(child.name());
  }
  return names.join(' ');
}
