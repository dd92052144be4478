import type { Percentiles } from '../load/messages.js';

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
  const of = (pick: (round: Measurement) => number | null) => median(rounds.map(pick)) ?? 0;
  const percentile = (name: keyof Percentiles) => median(rounds.map((r) => r.latencyMs[name]));
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

function median(values: readonly (number | null)[]): number | null {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const high = sorted[Math.floor(middle)];
  const low = sorted[Math.ceil(middle) - 1];
  return high === undefined || low === undefined ? null : (low + high) / 2;
}
