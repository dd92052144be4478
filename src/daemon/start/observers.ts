import type { Emit, RequestFinished } from '../../observe/event.js';
import { createMetrics, type Metrics } from '../../observe/metrics.js';
import { createRecent, type Recent } from '../../observe/recent/recent.js';
import { withoutText } from '../../observe/usage/usage-recorder.js';

/** Everything that interprets events, behind one `emit`. */
export interface Observers {
  readonly emit: Emit;
  readonly metrics: Metrics;
  readonly recent: Recent;
  /** Has finished requests, with their text, recorded from now on. */
  addRecorder(recorder: { record(event: RequestFinished): void }): void;
}

/** @param prefix `routing.provider_suffix`: metrics name models without it. */
export function createObservers(version: string, prefix: string, log: Emit): Observers {
  const metrics = createMetrics(version, prefix);
  const recent = createRecent();
  const recorders: { record(event: RequestFinished): void }[] = [];
  return {
    metrics,
    recent,
    emit(event) {
      if (event.type === 'request_finished') for (const each of recorders) each.record(event);
      const told = event.type === 'request_finished' ? withoutText(event) : event;
      metrics.emit(told);
      recent.emit(told);
      log(told);
    },
    addRecorder: (recorder) => void recorders.push(recorder),
  };
}
