import { lookup } from 'node:dns/promises';
import { rmSync } from 'node:fs';
import net from 'node:net';

/**
 * The socket that all workers accept connections from. The control process has it open and accepts
 * nothing; each worker and the successor of this process gets it as a file descriptor. So it stays
 * open, with the connections that wait in it, whoever comes and goes.
 */
export interface ListenSocket {
  readonly fd: number;
  /** 0 on a unix socket. */
  readonly port: number;
  /** Closes it; again, it does nothing. */
  close(): void;
}

/** Opens no stream: bound, and listening only where a worker says so. */
interface Handle {
  readonly fd: number;
  getsockname?(address: { port?: number }): number;
  close(): void;
}

/** The binding that node:cluster uses; no other function binds a socket without accepting. */
const { _createServerHandle: createHandle } = net as unknown as {
  _createServerHandle(
    address: string | null,
    port: number | null,
    type: number | null,
    fd?: number,
    flags?: number,
  ): Handle | number;
};

/** Another socket may be opened beside this one (SO_REUSEPORT): UV_TCP_REUSEPORT. */
const reusePortFlag = 2;

/** Node has the option since 22.12. */
export const canReusePort = (() => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 12);
})();

/** `/path` of a host `unix:/path`, or null. */
export function socketPath(host: string): string | null {
  return host.startsWith('unix:') ? host.slice('unix:'.length) : null;
}

/**
 * Opens the socket on an address that was found to be free.
 * @throws Error naming the address.
 */
export async function openListenSocket(host: string, port: number): Promise<ListenSocket> {
  const path = socketPath(host);
  if (path !== null) return wrap(createHandle(path, -1, -1), path, path);
  const { address, family } = await lookup(host);
  const flags = canReusePort ? reusePortFlag : 0;
  return wrap(createHandle(address, port, family, -1, flags), `${host}:${port}`, null);
}

/**
 * Takes over a socket that this process was started with.
 * @param host that the settings name.
 * @throws Error if the descriptor is not that of a listening socket.
 */
export function adoptListenSocket(fd: number, host: string): ListenSocket {
  return wrap(createHandle(null, null, null, fd), `the socket handed over`, socketPath(host));
}

/**
 * The descriptor of a socket that systemd hands over (sd_listen_fds), or null.
 * @throws Error when there are several.
 */
export function systemdSocket(environment: NodeJS.ProcessEnv = process.env): number | null {
  const { LISTEN_PID: pid, LISTEN_FDS: count } = environment;
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete environment[name];
  if (pid !== String(process.pid) || count === undefined) return null;
  if (count !== '1') throw new Error(`systemd hands over ${count} sockets, not one`);
  return 3;
}

function wrap(handle: Handle | number, where: string, path: string | null): ListenSocket {
  if (typeof handle === 'number' || handle.fd < 0) {
    const code = typeof handle === 'number' ? ` (error ${handle})` : '';
    throw new Error(`cannot listen on ${where}${code}`);
  }
  const address: { port?: number } = {};
  handle.getsockname?.(address);
  let isOpen = true;
  return {
    fd: handle.fd,
    port: address.port ?? 0,
    close() {
      if (!isOpen) return;
      isOpen = false;
      if (path !== null) rmSync(path, { force: true });
      handle.close();
    },
  };
}
