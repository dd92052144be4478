import type { BackgroundResult } from '../../admin/health/background-probes.js';
import type { Emit } from '../../observe/event.js';
import type { Ejection } from '../../upstream/health.js';

/** A provider that fails its probe is out until the one after the next, within these bounds. */
const minEjectionMs = 30_000;
const maxEjectionMs = 300_000;

interface Ejections {
  ejectionsOf(provider: string): Ejection[];
  /** Tells all workers. */
  announce(ejection: Ejection): void;
}

/**
 * Acts on the results of background probes: a failed one takes its provider out, a successful one
 * brings it back early. A probe that only showed reachability brings back only a provider that
 * another such probe took out, since requests may have failed for other reasons.
 * @param now wall clock, milliseconds.
 */
export function followProbes(
  workers: Ejections,
  emit: Emit,
  now: () => number = Date.now,
): (result: BackgroundResult) => void {
  const failing = new Set<string>();
  const takenOut = new Set<string>();
  return ({ provider, model, probe, intervalMs }) => {
    const healthy = probe.status === 'healthy';
    // The provider refused the probe or lacks its model: the probe is wrong, not the provider.
    if (!healthy && !probe.atFault) return;
    if (failing.has(provider) === healthy) {
      const { tookMs, error: reason } = probe;
      emit({ type: 'provider_probed', provider, healthy, latencyMs: tookMs ?? 0, reason });
    }
    const ejections = workers.ejectionsOf(provider);
    if (healthy) {
      failing.delete(provider);
      const knowsEnough = model !== null || takenOut.has(provider);
      takenOut.delete(provider);
      for (const { model: out } of ejections) {
        if (model === null && (out !== null || !knowsEnough)) continue;
        workers.announce({ provider, model: out, until: null, times: 0 });
      }
      return;
    }
    failing.add(provider);
    const untilNextMs = 2 * intervalMs + (probe.tookMs ?? 0);
    const until = now() + Math.min(maxEjectionMs, Math.max(minEjectionMs, untilNextMs));
    const ejection = ejections.find((one) => one.model === null);
    if (!ejection) takenOut.add(provider);
    else if ((ejection.until ?? 0) >= now() + untilNextMs) return;
    workers.announce({ provider, model: null, until, times: ejection?.times ?? 1 });
  };
}
