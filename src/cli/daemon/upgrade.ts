import { setTimeout as pause } from 'node:timers/promises';
import { Command } from 'commander';
import type { SettingsFlags } from '../../config/settings/settings.js';
import type { Processes } from '../../daemon/workers/processes-file.js';
import { CliError } from '../failure.js';
import { print, printJson } from '../output.js';
import { withProgress } from '../progress.js';
import { settingsForUse } from './settings.js';

interface UpgradeFlags {
  dataDir?: string;
  config?: string;
  json?: boolean;
}

/** Longer than the daemon itself waits for its successor. */
const patienceMs = 70_000;
const pollMs = 20;

/** `llmproxy upgrade`: replaces the running daemon by the version now on disk. */
export function upgradeCommand(): Command {
  return new Command('upgrade')
    .description('replace the running gateway by the version now on disk, without losing requests')
    .option('--data-dir <path>', "the running gateway's data directory (LLMPROXY_DATA_DIR)")
    .option('--config <file>', 'settings file in YAML (LLMPROXY_CONFIG)')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Install the new version over the old one first. A new daemon starts beside the
old one, with the same arguments and environment; once it serves, the old one
finishes its requests and ends. If the new one does not start, the old one keeps
serving, and the exit code is 1.

Examples:
  $ llmproxy upgrade
  $ llmproxy upgrade --json --data-dir /var/lib/llmproxy`,
    )
    .action(run);
}

async function run({ json, ...flags }: UpgradeFlags): Promise<void> {
  const settingsFlags: SettingsFlags = flags;
  const { data_dir: dataDir } = await settingsForUse(settingsFlags, json);
  const { requireDaemon, signalDaemon } = await import('./running-daemon.js');
  const from = requireDaemon(dataDir);
  const askedAt = Date.now();
  signalDaemon(from, 'SIGUSR2');
  const result = await withProgress('waiting for the new llmproxy', json, () =>
    successor(dataDir, from, askedAt),
  );
  if (json) printJson(result);
  else print(sentence(result));
}

/** Waits until another daemon serves on the data directory. */
async function successor(
  dataDir: string,
  { control, version }: Processes,
  askedAt: number,
): Promise<Outcome> {
  const { isSame, readProcesses } = await import('../../daemon/workers/processes-file.js');
  for (;;) {
    const now = readProcesses(dataDir);
    if (now && now.control.pid !== control.pid) {
      return {
        from: { version, pid: control.pid },
        to: { version: now.version, pid: now.control.pid },
      };
    }
    const failure = now?.upgradeFailed;
    if (failure && failure.at >= askedAt) {
      throw new CliError(`the new llmproxy does not serve: ${failure.reason}`, {
        hint: `llmproxy ${version} (pid ${control.pid}) keeps serving`,
      });
    }
    if (!isSame(control)) throw new CliError(`the daemon (pid ${control.pid}) has ended`);
    if (Date.now() - askedAt > patienceMs) {
      throw new CliError(`the daemon (pid ${control.pid}) does not react to SIGUSR2`);
    }
    await pause(pollMs);
  }
}

interface Outcome {
  from: { version: string; pid: number };
  to: { version: string; pid: number };
}

function sentence({ from, to }: Outcome): string {
  return `llmproxy ${from.version} (pid ${from.pid}) → ${to.version} (pid ${to.pid})`;
}
