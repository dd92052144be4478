import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Load of a process. The delays are those since the last measurement. */
export interface ProcessStatus {
  loopDelayP50Ms: number;
  loopDelayP99Ms: number;
  rssBytes: number;
}

const resolutionMs = 20;

/** Starts measuring this process; each call of the result ends one period and starts the next. */
export function watchProcess(): () => ProcessStatus {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  let rssBytes = 0;
  /** Falls back to the last value: it reads a file, which fails without a free descriptor. */
  const rss = () => {
    try {
      rssBytes = process.memoryUsage.rss();
    } catch {}
    return rssBytes;
  };
  return () => {
    const measured = histogram.count > 0;
    // The histogram holds the whole interval between two timer ticks, not the delay alone.
    const delayMs = (percentile: number) =>
      measured ? Math.max(0, histogram.percentile(percentile) / 1e6 - resolutionMs) : 0;
    const status = {
      loopDelayP50Ms: delayMs(50),
      loopDelayP99Ms: delayMs(99),
      rssBytes: rss(),
    };
    histogram.reset();
    return status;
  };
}
