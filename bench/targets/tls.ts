import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import type { Closers } from '../closers.js';
import { freePort, runCommand, startProcess } from './process.js';
import type { Upstream } from './target.js';

/** The reason why there can be no TLS upstream here, or null. */
export function tlsUnavailable(): string | null {
  return spawnSync('openssl', ['version']).error === undefined ? null : 'openssl is not installed';
}

/** Starts TLS in front of the mock provider, with a certificate made for this run. */
export async function startTls(
  mock: Upstream,
  directory: string,
  closers: Closers,
): Promise<Upstream> {
  const certificate = join(directory, 'cert.pem');
  await runCommand(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-days', '2', '-subj', '/CN=localhost'],
      ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
      ...['-keyout', join(directory, 'key.pem'), '-out', certificate],
    ],
    {},
  );
  const port = await freePort();
  startProcess({
    name: 'the TLS upstream',
    command: process.execPath,
    args: [
      fileURLToPath(new URL('tls-process.js', import.meta.url)),
      ...[String(port), String(mock.port), directory],
    ],
    closers,
  });
  while (!(await accepts(port))) await sleep(50);
  return { port, pid: mock.pid, origin: `https://127.0.0.1:${port}`, certificate };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
    socket.once('secureConnect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('secureConnect', () => socket.destroy());
  });
}

/** Environment variables that make a Node process trust the upstream. */
export function trust({ certificate }: Upstream): Record<string, string> {
  return certificate === null ? {} : { NODE_EXTRA_CA_CERTS: certificate };
}
