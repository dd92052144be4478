/** Measures goodput at and past the load that a provider's max_concurrency allows. */
import { setTimeout as pause } from 'node:timers/promises';
import { quantile, startLoad } from '../../test/support/load.js';
import { startGateway, startMock } from './gateway.js';
import { printTable, run, say } from './report.js';

await run({ seconds: 8, capacity: 20, 'latency-ms': 100, workers: 2 }, async (options, closers) => {
  const gateway = await startGateway(closers, {
    workers: options.workers,
    settings: { limits: { max_queue: 100, queue_timeout_ms: 1_000 } },
  });
  const mock = await startMock(closers, { latencyMs: options['latency-ms'] });
  const provider_params = { max_concurrency: options.capacity };
  await gateway.addProvider('p', mock.url, { provider_params });
  const measure = async (load: ReturnType<typeof startLoad>) => {
    await pause(2_000);
    const from = load.outcomes.length;
    await pause(options.seconds * 1000);
    const measured = load.outcomes.slice(from);
    await load.stop();
    const good = measured.filter(({ kind }) => kind === 'ok');
    const refused = measured.filter(({ kind }) => kind === 'refused').map(({ tookMs }) => tookMs);
    return {
      good: good.length / options.seconds,
      refused: refused.length / options.seconds,
      other: measured.length - good.length - refused.length,
      refusedMs: quantile(refused, 0.5),
    };
  };
  const rows: Record<string, string | number>[] = [];
  let peak = 0;
  for (const times of [1, 1.5, 2, 4]) {
    say(`${times} times`);
    const { good, refused, other, refusedMs } = await measure(
      times === 1
        ? startLoad({ ...gateway, concurrency: options.capacity })
        : startLoad({ ...gateway, concurrency: 10_000, perSecond: peak * times }),
    );
    if (times === 1) peak = good;
    rows.push({
      'of the capacity': times,
      'goodput per second': good,
      'of the peak, %': (100 * good) / peak,
      'refused per second': refused,
      'otherwise lost': other,
      'refused after ms (median)': Math.round(refusedMs),
    });
  }
  printTable(rows);
});
