import { setTimeout as pause } from 'node:timers/promises';
import { Command } from 'commander';
import { addGatewayOptions, type DatabaseFlags, settingsFlags } from '../database/connection.js';
import { CliError, usageError } from '../failure.js';
import { print, printJson } from '../output.js';
import { withProgress } from '../progress.js';
import { addSelectorOptions, type SelectorFlags, selectorsFrom } from '../spend/selectors.js';
import type { DaemonFlags } from './ask-daemon.js';
import { remoteUrl } from './remote-gateway.js';
import { settingsForUse } from './settings.js';

/** Time for the daemon to end its workers and PostgreSQL after its grace period. */
const marginMs = 30_000;
const pollMs = 20;

/** `llmproxy stop`: stops the running gateway. */
export function stopCommand(): Command {
  return addGatewayOptions(
    addSelectorOptions(
      new Command('stop').description(
        'stop the running gateway; or the requests of a team, key, user, model or provider',
      ),
    ).option('--reason <text>', 'reason that clients are told'),
  )
    .addHelpText(
      'after',
      `
Without a name, returns when the gateway and its PostgreSQL have ended. Requests
in flight have server.grace_period_ms to finish. systemd does not restart it.

With names, refuses new requests that match all of them and ends running ones,
on all machines, until \`llmproxy resume\`.

Examples:
  $ llmproxy stop
  $ llmproxy stop --data-dir /var/lib/llmproxy --json
  $ llmproxy stop --team chat --reason "a runaway agent"`,
    )
    .action(run);
}

async function run(flags: DatabaseFlags & SelectorFlags & { reason?: string }): Promise<void> {
  if (Object.keys(selectorsFrom(flags)).length > 0) {
    const { throwKillSwitch } = await import('../spend/kill-switch.js');
    return await throwKillSwitch(flags);
  }
  if (flags.reason !== undefined) throw usageError('--reason needs a name, such as --team');
  if (remoteUrl(flags) !== null) {
    throw usageError(
      'a gateway is stopped on its own machine, not by --gateway or LLMPROXY_URL',
      'with a name, such as --team, requests are stopped from anywhere',
    );
  }
  return await stopDaemon(flags);
}

async function stopDaemon({ json, ...flags }: DaemonFlags): Promise<void> {
  const { data_dir: dataDir, server } = await settingsForUse(settingsFlags(flags), json);
  const [{ requireDaemon, signalDaemon }, { isSame }] = await Promise.all([
    import('./running-daemon.js'),
    import('../../daemon/workers/processes-file.js'),
  ]);
  const daemon = requireDaemon(dataDir);
  const { control, version } = daemon;
  signalDaemon(daemon, 'SIGTERM');
  const giveUpAt = Date.now() + server.grace_period_ms + marginMs;
  await withProgress('waiting for requests in flight', json, async () => {
    while (isSame(control)) {
      if (Date.now() > giveUpAt) {
        throw new CliError(`the daemon (pid ${control.pid}) was told to stop but is still running`);
      }
      await pause(pollMs);
    }
  });
  if (json) printJson({ version, pid: control.pid });
  else print(`llmproxy ${version} (pid ${control.pid}) has stopped`);
}
