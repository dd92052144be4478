/**
 * Measures the cost of traces: CPU per request of the control process and of the worker, without
 * traces, with none sampled and with all. The gateways take turns under the same load, in an order
 * that is reversed each round, and each turn is compared with those without traces in its round.
 * Two processes that run the same code differ by some microseconds a request, so each kind has
 * several gateways: those without traces show how far a difference means nothing. The receiver is
 * this process. `LLMPROXY_OTHER=…/bin/llmproxy.js` adds another checkout's.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Closers } from '../closers.js';
import { type BenchGateway, startGateway, startMock } from '../faults/gateway.js';
import { printTable, run, say } from '../faults/report.js';
import { startGenerator } from '../load/generator.js';
import { jobFor } from '../measure/measure-round.js';
import { median } from '../measure/median.js';
import { ranUs } from '../measure/process-tree.js';

const path = '/v1/chat/completions';
const body = '{"model":"m","messages":[{"role":"user","content":"hi"}]}';
const pace = { kind: 'closed', connections: 32, rampMs: 100 } as const;
const warmUpMs = 400;

interface Measured {
  kind: string;
  /** Another checkout's. */
  executable: string | undefined;
  gateway: BenchGateway;
  /** Microseconds of CPU per request, by round. */
  control: number[];
  worker: number[];
}

await run({ seconds: 1.5, rounds: 9, gateways: 2 }, async (options, closers) => {
  const mock = await startMock(closers);
  const receiver = await startReceiver(closers);
  const generator = startGenerator();
  closers.push(() => generator.close());
  const other = process.env.LLMPROXY_OTHER;
  const executables = other === undefined ? [undefined] : [undefined, other];
  const kinds = [
    { kind: 'off', settings: {} },
    { kind: 'none sampled', settings: tracesTo(receiver.url, 0) },
    { kind: 'all', settings: tracesTo(receiver.url, 1) },
  ];
  const measured: Measured[] = [];
  for (const executable of executables) {
    for (const { kind, settings } of kinds) {
      for (let number = 0; number < options.gateways; number++) {
        say(`starting a gateway: ${kind}`);
        const gateway = await startGateway(closers, {
          workers: 1,
          settings,
          ...(executable !== undefined && { executable }),
        });
        await gateway.addProvider('p', mock.url);
        measured.push({ kind, executable, gateway, control: [], worker: [] });
      }
    }
  }
  // The first two rounds warm up.
  for (let round = -1; round <= options.rounds; round++) {
    say(`round ${Math.max(0, round)} of ${options.rounds}`);
    for (const { gateway, control, worker } of round % 2 === 0 ? measured : measured.toReversed()) {
      const target = {
        port: gateway.port,
        headers: { authorization: `Bearer ${gateway.key}` },
      };
      await generator.start(jobFor(target, { path, body }, pace));
      await sleep(warmUpMs);
      const [controlPid = 0, workerPid = 0] = gateway.pids();
      await generator.mark();
      const before = [ranUs(controlPid), ranUs(workerPid)] as const;
      await sleep(options.seconds * 1000);
      const { requests, errors } = await generator.mark();
      const after = [ranUs(controlPid), ranUs(workerPid)] as const;
      await generator.stop();
      if (errors > 0) throw new Error(`${errors} requests failed`);
      if (round <= 0) continue;
      control.push((after[0] - before[0]) / requests);
      worker.push((after[1] - before[1]) / requests);
    }
  }
  /** Than the gateways of the same checkout without traces. */
  const more = (one: Measured, part: 'control' | 'worker') => {
    const off = measured.filter(
      ({ kind, executable }) => kind === 'off' && executable === one.executable,
    );
    return median(
      one[part].map((us, round) => {
        const without = off.map((each) => each[part][round] ?? Number.NaN);
        return us - without.reduce((sum, each) => sum + each, 0) / without.length;
      }),
    );
  };
  printTable(
    measured.map((one) => ({
      traces: one.executable === undefined ? one.kind : `${one.kind}, other`,
      'control us/req': median(one.control),
      'control more': more(one, 'control'),
      'worker us/req': median(one.worker),
      'worker more': more(one, 'worker'),
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
