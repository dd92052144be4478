import { Command } from 'commander';
import type { SettingsFlags } from '../../config/settings/settings.js';
import type { Daemon } from '../../daemon/serve.js';
import type { Successor } from '../../daemon/upgrade/successor.js';
import type { Emit } from '../../observe/event.js';
import { packageVersion as version } from '../../package.js';
import { makeDataDir } from '../database/become-owner.js';
import { refuseForeign } from '../database/embedded-database.js';
import { CliError, errorMessage } from '../failure.js';
import { note } from '../output.js';
import { resolveForUse } from './settings.js';

/** Signals closer than this count as one: npx repeats the Ctrl-C that the terminal has sent. */
const sameSignalMs = 500;

/** `llmproxy serve`: the daemon, in the foreground. */
export function serveCommand(): Command {
  return addServeOptions(new Command('serve').description('start the gateway'))
    .option('--json', 'log in JSON, also on a terminal')
    .addHelpText(
      'after',
      `
Flags override the environment, which overrides .env, which overrides the
settings file. SIGHUP reloads the configuration; if started on a terminal, it
stops the gateway, because the terminal was closed. SIGUSR2 upgrades to the
version now on disk (see: llmproxy upgrade --help). SIGTERM and Ctrl-C stop
after the requests in flight, a second Ctrl-C at once.

Examples:
  $ llmproxy serve
  $ llmproxy serve --port 8080 --db-url postgres://llmproxy@db.local/llmproxy
  $ LOG_LEVEL=debug llmproxy serve --workers 2`,
    )
    .action(run);
}

/** Flags of every setting that has one. */
export function addServeOptions(command: Command): Command {
  return command
    .option('--host <host>', 'address to listen on (HOST; default 0.0.0.0)')
    .option('--port <port>', 'port to listen on, 0 for a free one (PORT; default 18000)')
    .option('--db-url <url>', 'Postgres to use; without one, the embedded (DB_URL)')
    .option('--data-dir <path>', 'data directory (LLMPROXY_DATA_DIR)')
    .option('--config <file>', 'settings file in YAML (LLMPROXY_CONFIG)')
    .option('--workers <count>', 'worker processes, or auto (LLMPROXY_WORKERS; default auto)')
    .option('--engine <engine>', 'auto, net, hyper-express or node (LLMPROXY_ENGINE; default auto)')
    .option('--log-level <level>', 'error, warn, info or debug (LOG_LEVEL; default info)');
}

async function run({ json, ...flags }: SettingsFlags & { json?: boolean }): Promise<void> {
  const [{ createLog }, { serve }, { openSystemdNotifier }, { openTakeover }] = await Promise.all([
    import('../../observe/log.js'),
    import('../../daemon/serve.js'),
    import('../../daemon/upgrade/systemd-notify.js'),
    import('../../daemon/upgrade/takeover.js'),
  ]);
  // Ignored until there is a daemon to replace; the default would end this process.
  process.on('SIGUSR2', () => {});
  const takeover = openTakeover();
  const failed = async (error: unknown): Promise<never> => {
    await takeover?.failed(errorMessage(error));
    throw error;
  };
  const resolved = await resolveForUse(flags, json).catch(failed);
  const { log, server, data_dir } = resolved.settings;
  await Promise.resolve(data_dir).then(refusePath).catch(failed);
  await makeDataDir(data_dir).catch(failed);
  await Promise.resolve(data_dir).then(refuseForeign).catch(failed);
  const logger = createLog({ ...log, readable: !json && process.stdout.isTTY === true });
  const systemd = openSystemdNotifier({
    environment: process.env,
    version,
    emit: logger.emit,
  });
  const emit: Emit = (event) => {
    logger.emit(event);
    systemd?.observe(event);
  };
  const dropped = () => logger.droppedLines;
  const daemon = await serve(resolved, version, emit, dropped, takeover).catch(failed);
  systemd?.watch(() => daemon.ping());
  const signIn = takeover ? null : daemon.firstSignIn();
  if (signIn) {
    // Without a terminal the link would end up in a log, which more people read.
    const link = 'this link signs in once, within ten minutes';
    if (process.stderr.isTTY) note(`Set up in the console; ${link}:\n  ${signIn}`);
    else note('Set up in the console: llmproxy console prints a link that signs in once.');
  }

  const reload = () => daemon.reload();
  // On a terminal, SIGHUP means that the terminal was closed.
  const isOnTerminal = process.stdin.isTTY === true || process.stdout.isTTY === true;
  if (!isOnTerminal) {
    process.on('SIGHUP', () => void (systemd ? systemd.reloading(reload) : reload()));
  }
  const stopped = stopSignal(daemon, isOnTerminal, (signal) =>
    emit({ type: 'stopping', signal, graceMs: server.grace_period_ms }),
  );
  const successor = await Promise.race([stopped, upgradeSignal(daemon)]);
  if (successor) {
    emit({ type: 'upgraded', ...successor });
    await systemd?.handOver(successor.pid);
  }
  await daemon.stop();
  await systemd?.close();
  emit({ type: 'stopped' });
}

/**
 * The kernel, or silently Node, would cut off a longer path of the control socket. PostgreSQL cannot
 * read its settings from a path of several lines.
 */
function refusePath(dataDir: string): void {
  const hint = 'choose another with --data-dir or LLMPROXY_DATA_DIR';
  if (/[\r\n]/.test(dataDir)) {
    throw new CliError(`the data directory ${JSON.stringify(dataDir)} has a line break`, { hint });
  }
  const maxBytes = (process.platform === 'linux' ? 107 : 103) - '/control.sock'.length;
  const bytes = Buffer.byteLength(dataDir);
  if (bytes <= maxBytes) return;
  throw new CliError(
    `the data directory ${dataDir} has a path of ${bytes} bytes, and its sockets allow ${maxBytes}`,
    { hint },
  );
}

/** Resolves when another daemon has replaced this one. The daemon reports failed attempts. */
function upgradeSignal(daemon: Daemon): Promise<Successor> {
  return new Promise((resolve) => {
    let underWay = false;
    process.on('SIGUSR2', () => {
      if (underWay) return;
      underWay = true;
      daemon.upgrade().then(resolve, () => {
        underWay = false;
      });
    });
  });
}

/** Resolves at the first signal to stop; a second one ends workers and this process at once. */
function stopSignal(
  daemon: Daemon,
  isOnTerminal: boolean,
  onFirst: (signal: string) => void,
): Promise<void> {
  return new Promise((resolve) => {
    let firstMs: number | null = null;
    const onSignal = (signal: NodeJS.Signals) => {
      if (firstMs === null) {
        firstMs = performance.now();
        onFirst(signal);
        resolve();
      } else if (signal !== 'SIGHUP' && performance.now() - firstMs > sameSignalMs) {
        daemon.kill();
        process.exit(130);
      }
    };
    process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
    // Filtered like the others: the kernel and the shell may both send it.
    if (isOnTerminal) process.on('SIGHUP', onSignal);
  });
}
