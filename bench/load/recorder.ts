import type { Counts, Percentiles } from './messages.js';

export type Recorder = ReturnType<typeof createRecorder>;

/** Counts what the connections report, from one mark to the next. */
export function createRecorder() {
  let since = performance.now();
  let requests = 0;
  let events = 0;
  let errors = 0;
  let lastError: string | null = null;
  let firstByteMs: number[] = [];
  let wholeMs: number[] = [];

  return {
    firstByte(ms: number): void {
      firstByteMs.push(ms);
    },
    events(count: number): void {
      events += count;
    },
    answer(status: number, ms: number): void {
      if (status >= 200 && status < 300) {
        requests++;
        wholeMs.push(ms);
      } else {
        this.error(`HTTP status ${status}`);
      }
    },
    error(reason: string): void {
      errors++;
      lastError = reason;
    },
    /** Returns the counts since the last mark and resets them. */
    mark(): Counts {
      const now = performance.now();
      const counts: Counts = {
        elapsedMs: now - since,
        requests,
        events,
        errors,
        lastError,
        firstByte: percentilesOf(firstByteMs),
        whole: percentilesOf(wholeMs),
      };
      since = now;
      requests = events = errors = 0;
      lastError = null;
      firstByteMs = [];
      wholeMs = [];
      return counts;
    },
  };
}

function percentilesOf(samples: number[]): Percentiles {
  const sorted = Float64Array.from(samples).sort();
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? null;
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1) };
}
