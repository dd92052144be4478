import type { Takeover } from '../upgrade/takeover.js';
import type { ListenSocket } from '../workers/listen-socket.js';
import type { Processes } from '../workers/processes-file.js';

/** The way in which a daemon starts. */
export type Start = {
  /** The initial socket; null where it is opened later, or by each worker itself. */
  socket: ListenSocket | null;
} /** Nothing of ours serves on this address. */ & (
  | { kind: 'fresh' }
  /** The workers of a control process that has crashed still serve. */
  | { kind: 'after_crash'; orphans: Processes }
  /** Another daemon serves and has started this one to replace it. */
  | { kind: 'takeover'; takeover: Takeover }
);

/**
 * A daemon's place among those of its data directory.
 *
 * States: fresh, after_crash or takeover (starting) → serving → replaced.
 * `workers.json` names this daemon's workers in `fresh` and `serving`, also the orphans in
 * `after_crash`. In `takeover` and `replaced` it belongs to the other daemon, as does the embedded
 * PostgreSQL.
 */
export type Place = Start['kind'] | 'serving' | 'replaced';
