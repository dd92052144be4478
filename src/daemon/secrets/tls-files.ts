import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { TlsSettings } from '../../config/settings/settings-types.js';
import type { Emit } from '../../observe/event.js';
import type { TlsMaterial } from '../../server/exchange.js';
import { contextOf } from '../../server/net.js';

/** The setting with the files of a listener. */
type Name = 'server.tls' | 'admin.tls';

/** Reads certificate, key and authority; null where the listener speaks plain HTTP. */
function readTlsFiles(name: Name, files: TlsSettings): TlsMaterial | null {
  const { cert, key, client_ca } = files;
  if (cert === null || key === null) return null;
  const material = {
    cert: read(`${name}.cert`, cert),
    key: read(`${name}.key`, key),
    clientCa: client_ca === null ? null : read(`${name}.client_ca`, client_ca),
  };
  try {
    contextOf(material);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${name}: ${cert} and ${key} cannot be used: ${reason}`);
  }
  return material;
}

/** Interval of checks of the files, besides SIGHUP. */
const periodMs = 60_000;

export interface TlsFiles {
  /** Null where the listener speaks plain HTTP. */
  readonly material: TlsMaterial | null;
  /** Reads the files again. */
  renew(): void;
  close(): void;
}

/**
 * Reads the files of a listener, again when they change. Invalid ones are logged and ignored.
 * @param serve is called with changed material.
 * @throws Error naming the wrong file or setting, never its content.
 */
export function followTlsFiles(
  name: Name,
  files: TlsSettings,
  serve: (tls: TlsMaterial) => void,
  emit: Emit,
): TlsFiles {
  let used = readTlsFiles(name, files);
  if (used === null) return { material: null, renew() {}, close() {} };
  let told = '';
  const renew = () => {
    try {
      const read = readTlsFiles(name, files);
      told = '';
      if (read === null || isDeepStrictEqual(read, used)) return;
      used = read;
      serve(read);
      emit({ type: 'certificate_renewed', setting: name });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (reason !== told) emit({ type: 'certificate_rejected', reason });
      told = reason;
    }
  };
  const timer = setInterval(renew, periodMs).unref();
  return {
    get material() {
      return used;
    },
    renew,
    close: () => clearInterval(timer),
  };
}

function read(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? error.code : error;
    throw new Error(`${name}: ${file} cannot be read (${reason})`);
  }
}
