import { once } from 'node:events';
import { closeSync } from 'node:fs';
import type { Settings } from '../../config/settings/settings-types.js';
import type { PassedHold } from '../../db/embedded/supervisor.js';

/**
 * A change of version: the control process that runs starts another from the code now on disk,
 * and ends when that one serves. This file is the side of the new one; `successor.ts` is the
 * other's.
 *
 * The new one says `prepared` before it starts workers, and waits for `frozen`: from then on the
 * old one adds no more tokens to a limit. It says `ready` when its workers serve and the control
 * socket is its own, or `failed`.
 */
export type FromSuccessor =
  | { type: 'prepared' }
  | { type: 'ready'; version: string }
  | { type: 'failed'; reason: string };

export type ToSuccessor = { type: 'frozen' };

export interface AdminListener {
  fd: number;
  /** The setting that it was opened for. */
  address: string;
}

/** Descriptors and facts that a new control process gets in its environment: nothing secret. */
export interface Inheritance {
  port: number;
  /** Descriptor of the socket to accept from; null where each worker opens the port itself. */
  listenFd: number | null;
  /** The open listener of `admin.listen`, where that is a port; absent from older versions. */
  admin?: AdminListener | null;
  /** The old one, whose workers are not to be waited for. */
  pid: number;
  postgres: PassedHold | null;
}

export interface Takeover extends Inheritance {
  /** Resolves when the old control process adds no more tokens. */
  prepared(): Promise<void>;
  /** Tells the old one to go. */
  ready(version: string): void;
  failed(reason: string): Promise<void>;
}

export const takeoverVariable = 'LLMPROXY_TAKEOVER';

/** The takeover that this process was started for, or null. */
export function openTakeover(): Takeover | null {
  const text = process.env[takeoverVariable];
  delete process.env[takeoverVariable];
  if (!text || !process.send) return null;
  const inheritance: Inheritance = JSON.parse(text);
  const gone = once(process, 'disconnect');
  // Without a listener, the end of the old process would leave the channel unread.
  process.on('message', () => {});
  return {
    ...inheritance,
    async prepared() {
      const answered = once(process, 'message');
      tell({ type: 'prepared' });
      await Promise.race([answered, gone]);
    },
    ready(version) {
      void tell({ type: 'ready', version }).then(leave);
    },
    async failed(reason) {
      await tell({ type: 'failed', reason });
      leave();
    },
  };
}

/** The descriptor of the old one's admin listener; null, after closing it, for another address. */
export function takeAdminListener(
  { admin = null }: Takeover,
  settings: Pick<Settings, 'admin'>,
): number | null {
  if (admin === null || admin.address === settings.admin.listen) return admin?.fd ?? null;
  closeSync(admin.fd);
  return null;
}

function tell(message: FromSuccessor): Promise<void> {
  return new Promise((resolve) => {
    if (!process.connected) return resolve();
    process.send?.(message, undefined, undefined, () => resolve());
  });
}

function leave(): void {
  if (process.connected) process.disconnect();
}
