import type { Settings } from '../../config/settings/settings-types.js';
import type { Emit } from '../../observe/event.js';
import { createMetrics, type Metrics } from '../../observe/metrics.js';
import { createLive, type Live } from '../../observe/recent/live.js';
import { createRecent, type Recent } from '../../observe/recent/recent.js';
import type { RequestFinished } from '../../observe/request-event.js';
import { withoutText } from '../../observe/usage/usage-recorder.js';

/** Everything that interprets events, behind one `emit`. */
export interface Observers {
  readonly emit: Emit;
  readonly metrics: Metrics;
  readonly recent: Recent;
  readonly live: Live;
  /** Has finished requests, with their text, recorded from now on. */
  addRecorder(recorder: { record(event: RequestFinished): void }): void;
  /** Has events logged in another place as well from now on. */
  addLog(log: Emit): void;
}

export function createObservers(version: string, settings: Settings, log: Emit): Observers {
  const { max_providers: providers, max_model_provider_pairs: pairs } = settings.metrics;
  // Metrics name models without the prefix.
  const prefix = settings.routing.provider_suffix;
  const metrics = createMetrics(version, prefix, undefined, { providers, pairs });
  const recent = createRecent();
  const live = createLive();
  const logs: Emit[] = [log];
  const recorders: { record(event: RequestFinished): void }[] = [];
  return {
    metrics,
    recent,
    live,
    emit(event) {
      // Mirrored copies are not clients' requests: their events follow their record.
      if (event.type === 'request_finished' && event.mirror) {
        for (const each of recorders) each.record(event);
        return;
      }
      const told = event.type === 'request_finished' ? withoutText(event) : event;
      metrics.emit(told);
      recent.emit(told);
      live.emit(told);
      for (const each of logs) each(told);
      // Derived events follow the one that they are derived from.
      if (event.type === 'request_finished') for (const each of recorders) each.record(event);
    },
    addRecorder: (recorder) => void recorders.push(recorder),
    addLog: (more) => void logs.push(more),
  };
}
