/**
 * Measures the cost of traces: CPU per request of the control process and of the worker, without
 * traces and with all requests traced, under the same load in turns, whose order is turned round each
 * time. The receiver is this process.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Closers } from '../closers.js';
import { type BenchGateway, startGateway, startMock } from '../faults/gateway.js';
import { printTable, run, say } from '../faults/report.js';
import { startGenerator } from '../load/generator.js';
import { jobFor } from '../measure/measure-round.js';
import { median } from '../measure/median.js';

const path = '/v1/chat/completions';
const body = '{"model":"m","messages":[{"role":"user","content":"hi"}]}';

await run({ seconds: 2, rounds: 14, connections: 32 }, async (options, closers) => {
  const mock = await startMock(closers);
  const receiver = await startReceiver(closers);
  const generator = startGenerator();
  closers.push(() => generator.close());
  const kinds = [
    { traces: 'off', settings: {} },
    { traces: 'none sampled', settings: tracesTo(receiver.url, 0) },
    { traces: 'all', settings: tracesTo(receiver.url, 1) },
  ];
  const gateways: BenchGateway[] = [];
  for (const { settings } of kinds) {
    const gateway = await startGateway(closers, { workers: 1, settings });
    await gateway.addProvider('p', mock.url);
    gateways.push(gateway);
  }
  const costs = kinds.map(() => ({ control: [] as number[], worker: [] as number[] }));
  // The first round warms up.
  for (let round = 0; round <= options.rounds; round++) {
    say(`round ${round} of ${options.rounds}`);
    const turns = [...gateways.entries()];
    for (const [index, gateway] of round % 2 === 0 ? turns : turns.reverse()) {
      const target = {
        port: gateway.port,
        headers: { authorization: `Bearer ${gateway.key}` },
      };
      const pace = { kind: 'closed', connections: options.connections, rampMs: 200 } as const;
      await generator.start(jobFor(target, { path, body }, pace));
      await sleep(500);
      await generator.mark();
      const [control = 0, worker = 0] = gateway.pids();
      const before = [cpuUs(control), cpuUs(worker)] as const;
      await sleep(options.seconds * 1000);
      const { requests, errors } = await generator.mark();
      const after = [cpuUs(control), cpuUs(worker)] as const;
      await generator.stop();
      if (errors > 0) throw new Error(`${errors} requests failed`);
      if (round === 0) continue;
      costs[index]?.control.push((after[0] - before[0]) / requests);
      costs[index]?.worker.push((after[1] - before[1]) / requests);
    }
  }
  const [off] = costs;
  if (!off) return;
  const more = (used: readonly number[], base: readonly number[]) =>
    median(used.map((us, round) => us - (base[round] ?? Number.NaN)));
  printTable(
    costs.map(({ control, worker }, index) => ({
      traces: kinds[index]?.traces ?? '',
      'control us/req': median(control),
      'more than off': more(control, off.control),
      'worker us/req': median(worker),
      'worker more': more(worker, off.worker),
    })),
  );
  say(`${receiver.bytes()} bytes of spans were received`);
});

function tracesTo(endpoint: string, sample_ratio: number): object {
  return { traces: { endpoint, sample_ratio, slow_ms: null, max_queue: 100_000 } };
}

async function startReceiver(closers: Closers): Promise<{ url: string; bytes(): number }> {
  let bytes = 0;
  const server = createServer((request, response) => {
    request.on('data', (piece: Buffer) => {
      bytes += piece.length;
    });
    request.on('end', () => response.writeHead(200).end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(async () => {
    server.close();
    server.closeAllConnections();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bytes: () => bytes,
  };
}

/** User and system time of this process alone, in ticks of 10 ms. */
function cpuUs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}
