/** Counts requests lost when one of two providers fails under load and comes back. */
import { setTimeout as pause } from 'node:timers/promises';
import { startLoad, tally } from '../../test/support/load.js';
import type { MockProcess } from '../../test/support/mock-process.js';
import { configure, startGateway, startMock } from './gateway.js';
import { printTable, run, say } from './report.js';

interface Fault {
  name: string;
  begin(mock: MockProcess): Promise<void> | void;
  end(mock: MockProcess): Promise<void> | void;
}

const faults: Fault[] = [
  { name: 'killed', begin: (mock) => mock.end(), end: (mock) => mock.restart() },
  { name: 'stalled', begin: (mock) => mock.kill('SIGSTOP'), end: (mock) => mock.kill('SIGCONT') },
  {
    name: 'answers 500',
    begin: (mock) => configure(mock, { failRate: 1 }),
    end: (mock) => configure(mock, { failRate: 0 }),
  },
];

await run(
  { seconds: 8, concurrency: 100, workers: 2, 'first-byte-ms': 1_000 },
  async (options, closers) => {
    const rows: Record<string, string | number>[] = [];
    for (const fault of faults) {
      say(fault.name);
      const gateway = await startGateway(closers, { workers: options.workers });
      const faulty = await startMock(closers, { latencyMs: 50 });
      const good = await startMock(closers, { latencyMs: 50 });
      const provider_params = { timeouts: { first_byte_ms: options['first-byte-ms'] } };
      await gateway.addProvider('faulty', faulty.url, { provider_params });
      await gateway.addProvider('good', good.url, { provider_params });
      const load = startLoad({ ...gateway, concurrency: options.concurrency });
      await pause(2_000);
      const faultMs = performance.now();
      await fault.begin(faulty);
      await pause(options.seconds * 1000);
      const mendedMs = performance.now();
      await fault.end(faulty);
      const isBack = () =>
        load.outcomes.find(
          ({ provider, startedMs }) => provider === 'faulty' && startedMs > mendedMs,
        );
      while (!isBack() && performance.now() - mendedMs < 60_000) await pause(100);
      const outcomes = await load.stop();
      const { 'ok 200': ok = 0 } = tally(outcomes);
      const during = outcomes.filter(
        ({ startedMs, tookMs }) => startedMs + tookMs > faultMs && startedMs < mendedMs,
      );
      // The first requests that fail over are those whose failures eject it.
      const ejectedMs = during.find(({ attempts }) => attempts > 1);
      rows.push({
        fault: fault.name,
        requests: outcomes.length,
        lost: outcomes.length - ok,
        'tried again': outcomes.filter(({ attempts }) => attempts > 1).length,
        'slowest ms': Math.round(Math.max(...during.map(({ tookMs }) => tookMs))),
        'out after ms': Math.round(
          ejectedMs ? ejectedMs.startedMs + ejectedMs.tookMs - faultMs : 0,
        ),
        'back after ms': Math.round((isBack()?.startedMs ?? Number.NaN) - mendedMs),
      });
    }
    printTable(rows);
  },
);
