/** Measures the load that retries add when every provider fails. */
import { setTimeout as pause } from 'node:timers/promises';
import { startLoad } from '../../test/support/load.js';
import { configure, startGateway, startMock } from './gateway.js';
import { printTable, run } from './report.js';

await run({ seconds: 20, concurrency: 64, providers: 3, workers: 1 }, async (options, closers) => {
  const gateway = await startGateway(closers, { workers: options.workers });
  const mocks = await Promise.all(
    Array.from({ length: options.providers }, () => startMock(closers)),
  );
  for (const [index, mock] of mocks.entries()) {
    await configure(mock, { failRate: 1 });
    await gateway.addProvider(`p${index}`, mock.url);
  }
  const load = startLoad({ ...gateway, concurrency: options.concurrency });
  await pause(options.seconds * 1000);
  const requests = (await load.stop()).length;
  const stats = await Promise.all(mocks.map((mock) => mock.stats()));
  const attempts = stats.reduce((sum, one) => sum + one.requests, 0);
  printTable([
    {
      requests,
      'per second': requests / options.seconds,
      attempts,
      'extra load, %': (100 * (attempts - requests)) / requests,
    },
  ]);
});
