import { Command } from 'commander';
import { packageVersion } from '../package.js';
import { usageError } from './failure.js';
import { print, printJson } from './output.js';

/** In the order of the help. Loading all of them would take longer than most commands run. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import('./daemon/serve.js')).serveCommand(),
  stop: async () => (await import('./daemon/stop.js')).stopCommand(),
  resume: async () => (await import('./spend/kill-switch.js')).resumeCommand(),
  upgrade: async () => (await import('./daemon/upgrade.js')).upgradeCommand(),
  provider: async () => (await import('./provider/provider.js')).providerCommand(),
  keys: async () => (await import('./keys/keys.js')).keysCommand(),
  teams: async () => (await import('./teams/teams.js')).teamsCommand(),
  connect: async () => (await import('./connect/connect.js')).connectCommand(),
  console: async () => (await import('./console/console.js')).consoleCommand(),
  config: async () => (await import('./config/config.js')).configCommand(),
  import: async () => (await import('./config/import.js')).importCommand(),
  audit: async () => (await import('./audit/audit.js')).auditCommand(),
  secrets: async () => (await import('./secrets/secrets.js')).secretsCommand(),
  cache: async () => (await import('./cache/cache.js')).cacheCommand(),
  prices: async () => (await import('./spend/prices.js')).pricesCommand(),
  budgets: async () => (await import('./spend/budgets.js')).budgetsCommand(),
  guardrails: async () => (await import('./guardrails/guardrails.js')).guardrailsCommand(),
  mirrors: async () => (await import('./canary/mirrors.js')).mirrorsCommand(),
  canary: async () => (await import('./canary/canary.js')).canaryCommand(),
  usage: async () => (await import('./requests/usage.js')).usageCommand(),
  requests: async () => (await import('./requests/requests.js')).requestsCommand(),
  status: async () => (await import('./daemon/status.js')).statusCommand(),
  fleet: async () => (await import('./daemon/fleet.js')).fleetCommand(),
  explain: async () => (await import('./requests/explain.js')).explainCommand(),
  doctor: async () => (await import('./doctor/doctor.js')).doctorCommand(),
  migrate: async () => (await import('./database/migrate.js')).migrateCommand(),
  backup: async () => (await import('./database/backup.js')).backupCommand(),
  restore: async () => (await import('./database/backup.js')).restoreCommand(),
  'mock-provider': async () => (await import('./demo/mock-provider.js')).mockProviderCommand(),
  systemd: async () => (await import('./daemon/systemd.js')).systemdCommand(),
  demo: async () => (await import('./demo/demo.js')).demoCommand(),
  completion: async () => (await import('./reference/completion.js')).completionCommand(),
  version: async () => versionCommand(),
};

/**
 * The command line: every command, its flags and its help. Errors are thrown, not printed.
 * @param args if given, only the commands that they need are loaded.
 */
export async function buildProgram(args: readonly string[] = []): Promise<Command> {
  const program = new Command('llmproxy')
    .description('A self-hosted, OpenAI-compatible LLM gateway')
    .version(packageVersion, '-v, --version', 'print the version')
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
  // A command's options follow its name, even if its parent has options of the same names.
  program.enablePositionalOptions();
  program.hook('preAction', (_program, command) => refuseOtherGateway(command));
  const load = neededBy(args).map((name) => commands[name]?.());
  for (const command of await Promise.all(load)) if (command) program.addCommand(command);
  for (const command of withDescendants(program)) {
    command.exitOverride().configureOutput({ outputError: () => {} });
  }
  return program;
}

/** Names of the commands to load: all of them for help, a misspelt name, or a completion script. */
function neededBy(args: readonly string[]): readonly string[] {
  const [name = ''] = args;
  if (name === '-v' || name === '--version') return [];
  const needsAll = name === 'completion' && !args.includes('--names');
  // Singular and plural are the same command.
  const [known] = [name, `${name}s`, name.replace(/s$/, '')].filter((each) =>
    Object.hasOwn(commands, each),
  );
  return known !== undefined && !needsAll ? [known] : Object.keys(commands);
}

/** Commands that are about this machine, whatever gateway LLMPROXY_URL names. */
const ofThisMachine = new Set(['serve', 'connect', 'doctor', 'completion']);

/** Otherwise a command without --gateway would silently work on the gateway of this machine. */
function refuseOtherGateway(command: Command): void {
  const flags = command.options.map(({ long }) => long);
  if (!process.env.LLMPROXY_URL || ofThisMachine.has(command.name())) return;
  if (!flags.includes('--data-dir') || flags.includes('--gateway')) return;
  throw usageError(
    'LLMPROXY_URL names a gateway, but this command works on that of this machine only',
    'run it on that machine, or here without the variable: env -u LLMPROXY_URL llmproxy …',
  );
}

function versionCommand(): Command {
  return new Command('version')
    .description('print the version')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ llmproxy version --json')
    .action(({ json }: { json?: boolean }) => {
      if (json) printJson({ version: packageVersion });
      else print(packageVersion);
    });
}

/** The command and all below it. */
export function* withDescendants(command: Command): Generator<Command> {
  yield command;
  for (const child of command.commands) yield* withDescendants(child);
}

/** The arguments that name the command, such as `llmproxy provider add`. */
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
