import type { Percentiles } from '../load/messages.js';
import { median } from './median.js';

/** One round of one scenario against one target. */
export interface Measurement {
  /** Per request or per chunk, as the scenario counts. */
  cpuUs: number;
  /** The part of `cpuUs` that the first process of the target spends. */
  controlUs: number;
  /** Requests or chunks. */
  perSecond: number;
  /** Latency in the open loop; null if no time to the first byte was measured. */
  latencyMs: Percentiles;
  idlePssBytes: number;
  loadedPssBytes: number;
  errors: number;
  lastError: string | null;
}

/** The median of each number over several rounds; errors are summed. */
export function medianOf(rounds: readonly Measurement[]): Measurement {
  const of = (pick: (round: Measurement) => number) => median(rounds.map(pick)) || 0;
  const percentile = (name: keyof Percentiles) => {
    const measured = rounds.flatMap((round) => round.latencyMs[name] ?? []);
    return measured.length === 0 ? null : median(measured);
  };
  return {
    cpuUs: of((round) => round.cpuUs),
    controlUs: of((round) => round.controlUs),
    perSecond: of((round) => round.perSecond),
    latencyMs: {
      p50: percentile('p50'),
      p99: percentile('p99'),
      p999: percentile('p999'),
      max: percentile('max'),
    },
    idlePssBytes: of((round) => round.idlePssBytes),
    loadedPssBytes: of((round) => round.loadedPssBytes),
    errors: rounds.reduce((sum, round) => sum + round.errors, 0),
    lastError: rounds.findLast((round) => round.lastError !== null)?.lastError ?? null,
  };
}
