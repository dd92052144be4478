/** Idle time allowed to a connection while its server drains. */
const idleLingerMs = 1000;

/** Maximum turns of the event loop that a drain waits for a quiet one. */
const maxTurns = 1000;

/** In a turn this short, hardly any connection can have queued up. */
const quietTurnMs = 0.02;

/** Counts the requests and connections of one server, and detects when it is idle. */
export class Activity {
  requests = 0;
  connections = 0;
  draining = false;

  private drained: (() => void) | null = null;
  private timer: NodeJS.Timeout | undefined;

  requestEnded(): void {
    this.requests--;
    if (this.drained !== null) this.settle();
  }

  /** @param change 1 for a new connection, -1 for one that was closed. */
  connectionChanged(change: number): void {
    this.connections += change;
    if (this.drained !== null) this.settle();
  }

  /**
   * Resolves when no request is in flight and every connection was closed or has been idle for a
   * second. Requests already in a socket's buffer, and those of busy keep-alive clients, arrive
   * within that second and are told to close; closing at once would reset them.
   */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.drained = resolve;
      this.settle();
    });
  }

  private settle(): void {
    clearTimeout(this.timer);
    if (this.requests > 0) return;
    if (this.connections === 0) this.drained?.();
    else {
      this.timer = setTimeout(() => {
        // A request that arrived in the meantime settles again at its end.
        if (this.requests === 0) this.drained?.();
      }, idleLingerMs);
    }
  }
}

/**
 * Resolves right after a short turn of the event loop, or after 1000 turns.
 *
 * The kernel resets connections in the accept queue of a closed listener unless
 * `net.ipv4.tcp_migrate_req` is 1. Engines accept until the queue is empty in every turn, so only
 * connections that arrive between that and the close are lost: rare after a short turn.
 */
export function quietTurn(): Promise<void> {
  return new Promise((resolve) => {
    let turns = 0;
    let before = performance.now();
    const turn = () => {
      const now = performance.now();
      turns++;
      if ((turns > 1 && now - before < quietTurnMs) || turns === maxTurns) return resolve();
      before = now;
      setImmediate(turn);
    };
    setImmediate(turn);
  });
}
