import { DatabaseError } from '../../db/database-error.js';
import { explainDatabaseError } from '../../db/explain-error.js';
import { listenForChanges } from '../../db/listen.js';
import { type NewerSchema, newerSchema } from '../../db/migrate.js';
import { databaseState } from '../../db/queries/database-state.js';
import { withDeadline } from '../../db/with-deadline.js';
import type { Emit } from '../../observe/event.js';
import type { Store } from '../store.js';

/** A change without a notification is detected within this time. */
const pollMs = 30_000;
/** Poll interval without notifications, such as behind a pooler that does not forward them. */
const pollUnnotifiedMs = 1_000;
const pollTimeoutMs = 5_000;
/** The same after another query has had no answer either. */
const doubtTimeoutMs = 2_000;

interface FollowOptions {
  store: Store;
  /** URL for LISTEN, if not the database's own. */
  listenUrl: string | null;
  /**
   * Something may have changed.
   * @param whole some changes may have been missed.
   */
  mark: (whole: boolean) => void;
  /** Another daemon tells something. */
  onMessage: (text: string) => void;
  /** The version that is active. */
  knownVersion: () => number;
  /** Time to read again what changes without a notification. */
  renew: () => void;
  onState: (state: 'up' | 'down') => void;
  emit: Emit;
}

export interface FollowedDatabase {
  /** Another query has failed: polls now, to know whether the database still answers. */
  doubt(): void;
  close(): Promise<void>;
}

/**
 * Watches an open database for changes: by notifications, and by polling the version, slowly while
 * notifications arrive and quickly while they do not. Either may reveal half-open connections,
 * which are then replaced.
 */
export function followDatabase(options: FollowOptions): FollowedDatabase {
  const { store, listenUrl, mark, knownVersion, renew, onState, emit } = options;
  const { database } = store;
  let isListening = false;
  let isUp: boolean | null = null;
  /** Number of times that the database was found to be up. */
  let answers = 0;
  /** True while the pool may use another server than the LISTEN connection. */
  let isStale = false;
  /** True once it was reported that notifications are missing and polls replace them. */
  let isPolling = false;
  let isLostTold = false;
  let isAsking = false;
  let polledVersion = -1;
  let slowPollMs = performance.now();
  /** The newer schema that was last reported. */
  let schema: NewerSchema | null = null;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const tell = (up: boolean) => {
    if (up) answers++;
    if (up !== isUp) onState(up ? 'up' : 'down');
    isUp = up;
  };
  const checkSchema = async () => {
    const newer = await withDeadline(database.sql, pollTimeoutMs, 'The poll', newerSchema);
    if (newer && newer.version !== schema?.version) emit({ type: 'schema_newer', ...newer });
    schema = newer;
  };
  const lost = (reason: string) => {
    isPolling = false;
    if (isLostTold) return;
    isLostTold = true;
    emit({ type: 'database_lost', reason });
  };
  const poll = async (timeoutMs = pollTimeoutMs) => {
    isAsking = true;
    const isSlow = performance.now() - slowPollMs >= pollMs;
    if (isSlow) slowPollMs = performance.now();
    const before = answers;
    try {
      const state = await withDeadline(database.sql, timeoutMs, 'The poll', databaseState);
      // The primary has become a standby: another host may be the primary now.
      if (!state.takes_writes) throw new DatabaseError('it is read-only');
      const { version } = state;
      // A version that could not be activated is retried only at the slow interval.
      const isOther = version !== knownVersion() && (isSlow || version !== polledVersion);
      polledVersion = version;
      if (isOther || isUp === false || isStale) mark(isUp === false || isStale);
      if (isSlow) renew();
      isStale = false;
      tell(true);
      if (!isListening && !isPolling) emit({ type: 'database_polled' });
      isPolling = !isListening;
      if (isListening && isLostTold) emit({ type: 'database_listening' });
      isLostTold = false;
      if (isSlow) await checkSchema();
    } catch (error) {
      // On connections that were replaced it may fail long after the new ones have answered.
      if (answers === before) {
        tell(false);
        lost(explainDatabaseError(error, database.dbUrl));
        database.renew();
      }
    }
    isAsking = false;
    next();
  };
  const next = () => {
    clearTimeout(timer);
    const isQuiet = isListening && !isStale && isUp !== false;
    if (!closed) timer = setTimeout(() => void poll(), isQuiet ? pollMs : pollUnnotifiedMs);
  };

  const listener = listenForChanges({
    dbUrl: listenUrl ?? database.dbUrl,
    onChange: () => mark(false),
    onMessage: options.onMessage,
    onState(state, reason = '') {
      isListening = state === 'listening';
      if (isListening) {
        isPolling = false;
        isLostTold = false;
        // After a failover the listener may be the first to find the new primary.
        if (isStale) database.renew();
        tell(true);
        // Reads changes made while nothing was listening.
        mark(isStale);
        emit({ type: 'database_listening' });
      } else {
        isStale = true;
        database.renew();
        lost(reason);
      }
      if (!isAsking) next();
    },
  });
  next();
  checkSchema().catch(() => {});
  return {
    doubt() {
      if (closed || isAsking || isUp === false) return;
      clearTimeout(timer);
      void poll(doubtTimeoutMs);
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await listener.close();
    },
  };
}
