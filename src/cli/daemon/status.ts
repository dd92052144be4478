import { constants } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { Command } from 'commander';
import { visible } from '../../observe/visible.js';
import { toFailure } from '../failure.js';
import { forTerminal, outputWidth, paint, print, printJson } from '../output.js';
import { addDaemonOptions, type DaemonFlags, openGateway } from './ask-daemon.js';
import { type FleetNow, fleetLines } from './fleet-view.js';
import { addRemoteOptions } from './remote-gateway.js';
import { type GatewayStatus, statusLines } from './status-view.js';

interface StatusFlags extends DaemonFlags {
  watch?: boolean;
  fleet?: boolean;
}

const periodMs = 1_000;

/** `llmproxy status`: shows the state of the running gateway. */
export function statusCommand(): Command {
  return addRemoteOptions(
    addDaemonOptions(
      new Command('status')
        .description('show requests, providers and keys of the running gateway')
        .option('--fleet', 'show all daemons of the database too')
        .option('--watch', 'refresh every second, until Ctrl-C'),
    ),
  )
    .addHelpText(
      'after',
      `
All figures are those of this machine's gateway in the last minute; --fleet adds
the daemons of the database, as llmproxy fleet lists them. SHARE is the
share of attempts; LATENCY is the time to an answer as estimated for routing.
ERRORS are those of llmproxy usage: requests with a key and a model that were
answered with 400 or more or broken off, but not those that the client left; of
a provider, its failed attempts.

Examples:
  $ llmproxy status
  $ llmproxy status --watch
  $ llmproxy status --fleet
  $ llmproxy status --json | jq .requests.p95_ms`,
    )
    .action(run);
}

async function run({ watch, json, fleet, ...flags }: StatusFlags): Promise<void> {
  const get = await openGateway(flags, json);
  const ask: Ask = async () => {
    const status = (await get('/admin/v1/status')) as GatewayStatus;
    return fleet ? { ...status, fleet: (await get('/admin/v1/fleet')) as FleetNow } : status;
  };
  if (watch && process.stdout.isTTY && !json) await watchScreen(ask);
  else if (watch) await watchPipe(ask, json);
  else await printOnce(ask, json);
}

type Ask = () => Promise<GatewayStatus & { fleet?: FleetNow }>;

async function printOnce(ask: Ask, json: boolean | undefined): Promise<void> {
  const status = await ask();
  if (json) printJson(status);
  else for (const line of allLines(status, outputWidth())) print(line);
}

function allLines({ fleet, ...status }: Awaited<ReturnType<Ask>>, width: number): string[] {
  return [...statusLines(status, width), ...(fleet ? ['', ...fleetLines(fleet, width)] : [])];
}

/** Writes one status after the other, for a reader other than a terminal. */
async function watchPipe(ask: Ask, json: boolean | undefined): Promise<void> {
  let gone = false;
  process.stdout.on('error', () => {
    gone = true;
  });
  for (let first = true; !gone; first = false) {
    if (!first) {
      await pause(periodMs);
      if (!json) print('');
    }
    if (json) print(JSON.stringify(await ask()));
    else await printOnce(ask, json);
  }
}

const csi = '\u001b[';
/** Switches to the alternate screen, without cursor and wrapping. */
const enter = `${csi}?1049h${csi}?25l${csi}?7l`;
const leave = `${csi}?7h${csi}?25h${csi}?1049l`;

/**
 * Redraws line by line to avoid flicker. Waits for a daemon that is away, such as during a restart.
 */
async function watchScreen(ask: Ask): Promise<void> {
  const { stdout } = process;
  // Queried before the screen changes, so that an error is printed as usual.
  let lines = () => allLines(first, stdout.columns);
  const first = await ask();
  const draw = () => stdout.write(frame(lines(), stdout.rows));
  stdout.write(enter);
  const restore = () => stdout.write(leave);
  process.once('exit', restore);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () =>
      process.exit(signal === 'SIGINT' ? 0 : 128 + constants.signals[signal]),
    );
  }
  stdout.on('resize', draw);
  for (;;) {
    draw();
    await pause(periodMs);
    try {
      const status = await ask();
      lines = () => [...allLines(status, stdout.columns), '', paint('dim', 'Ctrl-C ends')];
    } catch (error) {
      const { message } = toFailure(error);
      lines = () => [paint('red', visible(message)), 'waiting for it…  Ctrl-C ends'];
    }
  }
}

/** One frame in one write; terminals with DEC mode 2026 show it at once. */
function frame(lines: readonly string[], rows: number): string {
  const shown = lines.slice(0, rows).map((line) => `${forTerminal(line)}${csi}K`);
  return `${csi}?2026h${csi}H${shown.join('\r\n')}${csi}J${csi}?2026l`;
}
