import {
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { Command } from 'commander';
import { inPackage } from '../../package.js';
import { becomeOwner } from '../database/become-owner.js';
import { CliError, errorMessage, usageError } from '../failure.js';
import { note, print, printJson, warn } from '../output.js';
import { renderUnit } from './systemd-unit.js';

interface InstallFlags {
  user?: boolean;
  print?: boolean;
  force?: boolean;
  runAs: string;
  config?: string;
  root: string;
  json?: boolean;
}

interface UnitFile {
  path: string;
  text: string;
}

/** `llmproxy systemd …`: runs the gateway as a service. */
export function systemdCommand(): Command {
  const command = new Command('systemd').description('run the gateway as a systemd service');
  command.addCommand(
    new Command('install')
      .description('write the unit, with the paths of this installation')
      .option('--user', 'for your own service manager, without root')
      .option('--run-as <account>', 'the user that the daemon runs as', accountName, 'llmproxy')
      .option('--config <file>', 'settings file for the daemon')
      .option('--print', 'print the files and write nothing')
      .option('--force', 'replace files that differ')
      .option('--root <path>', 'write below this folder, such as that of an OS image', '/')
      .option('--json', 'print JSON')
      .addHelpText(
        'after',
        `
Starts nothing, but prints the commands that do.

Examples:
  $ sudo llmproxy systemd install
  $ llmproxy systemd install --user
  $ llmproxy systemd install --print`,
      )
      .action(install),
  );
  return command.addHelpText('after', '\nExample:\n  $ llmproxy systemd install --print');
}

async function install(flags: InstallFlags): Promise<void> {
  const root = inPackage('');
  const account = flags.user ? null : flags.runAs;
  const settingsFile = flags.config === undefined ? null : existingFile(flags.config);
  const node = realpathSync(process.execPath);
  const broken = [node, root, settingsFile ?? ''].find((path) => /\p{Cc}/u.test(path));
  if (broken !== undefined) {
    throw usageError(
      `a unit cannot name ${JSON.stringify(broken)}, which has a line break or the like`,
    );
  }
  const template = flags.user ? 'systemd/user/llmproxy.service' : 'systemd/llmproxy.service';
  const text = renderUnit(readFileSync(join(root, template), 'utf8'), {
    node,
    root,
    settingsFile,
    account: flags.runAs,
  });
  const files: UnitFile[] = [{ path: join(flags.root, unitPath(flags)), text }];
  if (account !== null) {
    const sysctl = readFileSync(join(root, 'systemd/90-llmproxy.conf'), 'utf8');
    files.push({ path: join(flags.root, sysctlPath), text: sysctl });
  }
  if (flags.print) {
    printFiles(files, flags.json);
    return;
  }
  for (const { path } of files) await becomeOwner(path);
  const written = writeFiles(files, flags);
  if (account !== null) warnOfClosedFolders([node, root, settingsFile ?? root], account, flags);
  const next = nextCommands(account);
  if (flags.json) {
    printJson({ files: written, next });
    return;
  }
  for (const { path, state } of written) print(`${state} ${path}`);
  note('\nNext:');
  for (const each of next) print(`  ${each}`);
}

const sysctlPath = '/etc/sysctl.d/90-llmproxy.conf';

function unitPath({ user }: InstallFlags): string {
  if (!user) return '/etc/systemd/system/llmproxy.service';
  const config = process.env.XDG_CONFIG_HOME || join(homedir(), '.config');
  return join(config, 'systemd/user/llmproxy.service');
}

function printFiles(files: readonly UnitFile[], json: boolean | undefined): void {
  if (json) printJson({ files });
  else print(files.map(({ path, text }) => `# ${path}\n${text.trimEnd()}`).join('\n\n'));
}

/** All or nothing: modified files are detected before any file is written. */
function writeFiles(files: readonly UnitFile[], { force, user }: InstallFlags) {
  const planned = files.map(({ path, text }) => {
    const before = existsSync(path) ? readFileSync(path, 'utf8') : null;
    if (before !== null && before !== text && !force) {
      throw new CliError(`${path} exists and differs`, {
        hint: 'compare it with: llmproxy systemd install --print; replace it with --force',
      });
    }
    const state = before === text ? 'unchanged' : before === null ? 'written' : 'replaced';
    return { path, text, state };
  });
  for (const { path, text, state } of planned) {
    if (state === 'unchanged') continue;
    try {
      mkdirSync(dirname(path), { recursive: true });
      const temporary = `${path}.${process.pid}`;
      // A link at either name is not followed.
      writeFileSync(temporary, text, { mode: 0o644, flag: 'wx' });
      renameSync(temporary, path);
    } catch (error) {
      const denied = error instanceof Error && 'code' in error && error.code === 'EACCES';
      const hint = 'run it as root, or with --user for your own service manager';
      throw new CliError(`cannot write ${path}: ${errorMessage(error)}`, {
        ...(denied && !user && { hint }),
      });
    }
  }
  return planned.map(({ path, state }) => ({ path, state }));
}

/** Checks only the permissions of all users, since the account may not exist yet. */
function warnOfClosedFolders(paths: readonly string[], account: string, flags: InstallFlags): void {
  const closed = new Set<string>();
  for (const path of paths) {
    for (let at = path; at !== dirname(at); at = dirname(at)) {
      if (!(statSync(at).mode & 0o001) && (at !== path || statSync(at).isDirectory())) {
        closed.add(at);
      }
    }
  }
  for (const folder of closed) {
    const advice = 'install llmproxy and Node where everybody may read, such as /opt';
    warn(`the account ${account} may not be able to enter ${folder}: ${advice}`, flags.json);
  }
}

function nextCommands(account: string | null): string[] {
  if (account === null) {
    return [
      'systemctl --user daemon-reload',
      'systemctl --user enable --now llmproxy',
      'loginctl enable-linger   # so that it also runs while you are not logged in',
    ];
  }
  return [
    `id ${account} || useradd --system --user-group --home-dir /var/lib/llmproxy --shell /usr/sbin/nologin ${account}`,
    `sysctl --load ${sysctlPath}`,
    'systemctl daemon-reload',
    'systemctl enable --now llmproxy',
  ];
}

function existingFile(file: string): string {
  const path = resolve(file);
  if (existsSync(path)) return path;
  throw usageError(`--config: there is no file ${path}`);
}

/**
 * Refuses root: PostgreSQL does too, and the unit drops the rights needed to run it as another
 * user.
 */
function accountName(text: string): string {
  if (text === 'root') throw usageError('--run-as: root is not allowed', 'name another account');
  if (/^[a-z_][a-z0-9_-]{0,30}$/.test(text)) return text;
  throw usageError(`--run-as: "${text}" is not the name of an account`);
}
