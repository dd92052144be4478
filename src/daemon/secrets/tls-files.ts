import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { Settings } from '../../config/settings-schema.js';
import type { Emit } from '../../observe/event.js';
import type { TlsMaterial } from '../../server/exchange.js';
import { contextOf } from '../../server/net.js';
import type { Workers } from '../workers/workers.js';

/**
 * Reads certificate, key and authority of the listener; null where it speaks plain HTTP.
 * @throws Error naming the file or the setting that is wrong; never what is in a file.
 */
export function readTlsFiles({ tls }: Settings['server']): TlsMaterial | null {
  if (tls.cert === null || tls.key === null) return null;
  const material = {
    cert: read('cert', tls.cert),
    key: read('key', tls.key),
    clientCa: tls.client_ca === null ? null : read('client_ca', tls.client_ca),
  };
  try {
    contextOf(material);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`server.tls: ${tls.cert} and ${tls.key} cannot be used: ${reason}`);
  }
  return material;
}

/** How often the files are looked at, beside SIGHUP. */
const periodMs = 60_000;

/**
 * Gives workers the certificate, and a new one when the files change: an invalid one is told, and
 * changes nothing.
 * @throws Error as `readTlsFiles` does, at the start only.
 */
export function followTlsFiles(
  server: Settings['server'],
  workers: Pick<Workers, 'serveTls'>,
  emit: Emit,
): { renew(): void; close(): void } {
  let used = readTlsFiles(server);
  if (used === null) return { renew() {}, close() {} };
  workers.serveTls(used);
  let told = '';
  const renew = () => {
    try {
      const read = readTlsFiles(server);
      told = '';
      if (read === null || isDeepStrictEqual(read, used)) return;
      used = read;
      workers.serveTls(read);
      emit({ type: 'certificate_renewed' });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (reason !== told) emit({ type: 'certificate_rejected', reason });
      told = reason;
    }
  };
  const timer = setInterval(renew, periodMs).unref();
  return { renew, close: () => clearInterval(timer) };
}

function read(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? error.code : error;
    throw new Error(`server.tls.${name}: ${file} cannot be read (${reason})`);
  }
}
