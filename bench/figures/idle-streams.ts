/** Measures the memory of the daemon while many streams are open and almost silent. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  configure,
  proportionalMiB,
  residentMiB,
  startGateway,
  startMock,
} from '../faults/gateway.js';
import { printTable, run, say } from '../faults/report.js';
import { startGenerator } from '../load/generator.js';
import { jobFor } from '../measure/measure-round.js';

const path = '/v1/chat/completions';
const body = '{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}';

await run({ streams: 1000, workers: 1 }, async ({ streams, workers }, closers) => {
  const mock = await startMock(closers);
  await configure(mock, { chunks: 60, chunkIntervalMs: 2000 });
  const generator = startGenerator();
  closers.push(() => generator.close());
  const rows: Record<string, string | number>[] = [];
  for (const engine of ['net', 'node']) {
    say(engine);
    const gateway = await startGateway(closers, { workers, engine });
    await gateway.addProvider('p', mock.url);
    const target = { port: gateway.port, headers: { authorization: `Bearer ${gateway.key}` } };
    const sums = (of: (pid: number) => number) =>
      Math.round(gateway.pids().reduce((sum, pid) => sum + of(pid), 0));
    const before = sums(residentMiB);
    const pace = { kind: 'closed', connections: streams, rampMs: 3000 } as const;
    await generator.start(jobFor(target, { path, body }, pace));
    await sleep(12_000);
    const { errors } = await generator.mark();
    rows.push({
      engine,
      streams,
      errors,
      'RSS MiB before': before,
      'RSS MiB': sums(residentMiB),
      'of it control': Math.round(residentMiB(gateway.pids()[0] ?? 0)),
      'PSS MiB': sums(proportionalMiB),
    });
    await generator.stop();
  }
  printTable(rows);
});
