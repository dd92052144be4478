/** Counts requests lost and streams cut while the configuration is swapped repeatedly. */
import { startLoad, tally } from '../../test/support/load.js';
import { startGateway, startMock } from './gateway.js';
import { printTable, run } from './report.js';

await run({ swaps: 100, concurrency: 64, workers: 2 }, async (options, closers) => {
  const gateway = await startGateway(closers, { workers: options.workers });
  const mocks = [
    await startMock(closers, { chunks: 20, chunkIntervalMs: 10 }),
    await startMock(closers, { chunks: 20, chunkIntervalMs: 10 }),
  ];
  const bases = mocks.map(({ url }) => url);
  const id = await gateway.addProvider('p', bases[0] ?? '');
  const { url, key } = gateway;
  const loads = [
    startLoad({ url, key, concurrency: options.concurrency / 2, streams: 1 }),
    startLoad({ url, key, concurrency: options.concurrency / 4 }),
    startLoad({ url, key, concurrency: options.concurrency / 4, keepAlive: false }),
  ];
  const startMs = performance.now();
  for (let i = 1; i <= options.swaps; i++) {
    const body = { api_base: bases[i % 2], weight: i };
    await gateway.admin('PUT', `/providers/${id}`, body);
  }
  const seconds = (performance.now() - startMs) / 1000;
  const outcomes = (await Promise.all(loads.map((load) => load.stop()))).flat();
  const { 'ok 200': ok = 0 } = tally(outcomes);
  const stats = await Promise.all(mocks.map((mock) => mock.stats()));
  printTable([
    {
      swaps: options.swaps,
      seconds,
      requests: outcomes.length,
      'per second': outcomes.length / seconds,
      lost: outcomes.length - ok,
      'of these streams cut': outcomes.filter(({ kind }) => kind === 'cut').length,
      'aborted at the provider': stats.reduce((sum, { aborted }) => sum + aborted, 0),
    },
  ]);
});
