/** How long a connection may stay idle while its server drains. */
const idleLingerMs = 1000;

/** How many turns of the loop a drain waits for a quiet one. */
const maxTurns = 1000;

/** A turn that took no longer left no time for a connection to queue up. */
const quietTurnMs = 0.02;

/** Counts the requests and connections of one server, and knows when it has nothing left to do. */
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
        // One that came meanwhile settles again when it ends.
        if (this.requests === 0) this.drained?.();
      }, idleLingerMs);
    }
  }
}

/**
 * Resolves right after a turn of the event loop that was short, or after 1000 turns.
 *
 * The kernel resets what waits in the accept queue of a closed listener unless
 * `net.ipv4.tcp_migrate_req` is 1. Both engines accept until the queue is empty in every turn, so
 * only what arrives between that and the close is lost: a close after a short turn keeps it rare.
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
