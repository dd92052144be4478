import { monitorEventLoopDelay } from 'node:perf_hooks';

/** How a process does. The delays are of the period since it was measured before. */
export interface ProcessStatus {
  loopDelayP50Ms: number;
  loopDelayP99Ms: number;
  rssBytes: number;
}

const resolutionMs = 20;

/** Begins to watch this process; each call of the result ends one period and begins the next. */
export function watchProcess(): () => ProcessStatus {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  let rssBytes = 0;
  /** It reads a file, which fails where this process has no descriptor left: then the last value. */
  const rss = () => {
    try {
      rssBytes = process.memoryUsage.rss();
    } catch {}
    return rssBytes;
  };
  return () => {
    const measured = histogram.count > 0;
    // It holds the time between two ticks of a timer, not what is over.
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
