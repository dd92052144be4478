import { execFile } from 'node:child_process';
import { counted } from '../../observe/counted.js';
import type { Emit, GatewayEvent } from '../../observe/event.js';
import { environmentWithoutSecrets } from '../workers/child-environment.js';

/** Tells systemd how the daemon is. */
export interface SystemdNotifier {
  /** Keeps the status text, and says when the daemon is ready and when it stops. */
  observe(event: GatewayEvent): void;
  /** Around a reload that was asked for: systemd waits until it is over. */
  reloading(reload: () => Promise<unknown>): Promise<void>;
  /**
   * Pings the watchdog, where the unit has one, each time that `ping` resolves: it must not while
   * something hangs. systemd then kills the daemon and starts it again.
   */
  watch(ping: () => Promise<unknown>): void;
  /** Reports that another process is now the main one; this one reports nothing after that. */
  handOver(pid: number): Promise<void>;
  /** Resolves when everything is sent; the watchdog is pinged no more. */
  close(): Promise<void>;
}

interface NotifierOptions {
  /** The environment that systemd gave: NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID. */
  environment: NodeJS.ProcessEnv;
  version: string;
  emit: Emit;
}

/** `systemd-notify` waits until systemd has read the message; longer than this it never does. */
const maxSendMs = 10_000;

/**
 * The notifier of sd_notify(3), or null where no service manager listens.
 *
 * The socket takes datagrams, which Node cannot send to a unix socket, so the messages go through
 * `systemd-notify`, which is present wherever systemd is: a few milliseconds of another process
 * for each change of state and each ping. It is not the main process, hence NotifyAccess=all in
 * the unit. An addon of our own would be one more thing to compile.
 */
export function openSystemdNotifier(options: NotifierOptions): SystemdNotifier | null {
  const { environment, emit } = options;
  if (!environment.NOTIFY_SOCKET) return null;
  const status = new StatusText(options.version);
  let queue = Promise.resolve();
  let sentStatus = '';
  let told = false;
  let handedOver = false;
  let watchdog: NodeJS.Timeout | null = null;

  /** Each message carries the status text of the moment when it is sent. */
  const send = (...states: string[]): Promise<void> => {
    queue = queue.then(async () => {
      const text = status.text();
      const changed = text !== sentStatus ? [...states, `STATUS=${text}`] : states;
      sentStatus = text;
      if (changed.length === 0) return;
      const failure = await run(changed);
      if (failure !== null && !told) emit({ type: 'systemd_not_told', reason: failure });
      told ||= failure !== null;
    });
    return queue;
  };

  return {
    observe(event) {
      if (handedOver || !status.take(event)) return;
      if (event.type === 'ready') void send('READY=1');
      else if (event.type === 'stopping') void send('STOPPING=1');
      else void send();
    },
    async reloading(reload) {
      const nowUs = process.hrtime.bigint() / 1_000n;
      await send('RELOADING=1', `MONOTONIC_USEC=${nowUs}`);
      await reload();
      await send('READY=1');
    },
    watch(ping) {
      const intervalMs = watchdogIntervalMs(environment);
      if (intervalMs === null) return;
      let pending = false;
      watchdog = setInterval(() => {
        if (pending) return;
        pending = true;
        void ping()
          .then(() => send('WATCHDOG=1'))
          .finally(() => {
            pending = false;
          });
      }, intervalMs);
    },
    async handOver(pid) {
      if (watchdog) clearInterval(watchdog);
      const told = send(`MAINPID=${pid}`);
      handedOver = true;
      await told;
    },
    async close() {
      if (watchdog) clearInterval(watchdog);
      await queue;
    },
  };
}

/** Half of the unit's WatchdogSec, as sd_watchdog_enabled(3) advises; null where it has none. */
export function watchdogIntervalMs(environment: NodeJS.ProcessEnv): number | null {
  const { WATCHDOG_USEC, WATCHDOG_PID } = environment;
  const limitUs = Number(WATCHDOG_USEC);
  if (!(limitUs > 0)) return null;
  if (WATCHDOG_PID && Number(WATCHDOG_PID) !== process.pid) return null;
  return Math.max(1, Math.floor(limitUs / 2_000));
}

/** The text of `systemctl status`: problems, or else version, address and configuration. */
class StatusText {
  readonly #version: string;
  #state = 'starting';
  #configuration = '';
  #configProblem = '';
  #databaseProblem = '';

  constructor(version: string) {
    this.#version = version;
  }

  /** True if the event may have changed the text. */
  take(event: GatewayEvent): boolean {
    switch (event.type) {
      case 'daemon_starting':
        break;
      case 'ready':
        this.#state = `${event.url}, ${counted(event.workers, 'worker')}`;
        break;
      case 'stopping':
        this.#state = 'stopping, finishing what is in flight';
        break;
      case 'config_active':
        this.#configuration = `configuration ${event.version} (${counted(event.providers, 'provider')}, ${counted(event.credentials, 'key')})`;
        this.#configProblem = '';
        break;
      case 'config_rejected':
        this.#configProblem = `configuration rejected: ${event.problems[0] ?? ''}`;
        break;
      case 'config_unread':
        this.#configProblem = `configuration cannot be read: ${event.reason}`;
        break;
      case 'started_without_database':
        this.#databaseProblem = event.reason;
        break;
      case 'database_listening':
      case 'database_polled':
        this.#databaseProblem = '';
        break;
      case 'database_lost':
        this.#databaseProblem = `no database: ${event.reason}`;
        break;
      case 'database_restarting':
        this.#databaseProblem = event.reason;
        break;
      default:
        return false;
    }
    return true;
  }

  text(): string {
    const parts = [
      `llmproxy ${this.#version}`,
      this.#state,
      this.#configuration,
      this.#configProblem,
      this.#databaseProblem,
    ];
    return parts.filter(Boolean).join('; ').replace(/\s+/g, ' ');
  }
}

/** Sends one message; resolves with why it failed, or null. */
function run(states: string[]): Promise<string | null> {
  const env = environmentWithoutSecrets(process.env);
  return new Promise((resolve) => {
    execFile('systemd-notify', states, { timeout: maxSendMs, env }, (error, _stdout, stderr) => {
      resolve(error ? stderr.trim() || error.message : null);
    });
  });
}
