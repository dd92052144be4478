/** Counts requests that reach a provider twice while providers reset connections at any moment. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { startLoad, tally } from '../../test/support/load.js';
import type { Closers } from '../closers.js';
import { startGateway } from './gateway.js';
import { printTable, run, say } from './report.js';

await run({ seconds: 15, concurrency: 64, workers: 2 }, async (options, closers) => {
  const gateway = await startGateway(closers, { workers: options.workers });
  const seen = [new Map<string, number>(), new Map<string, number>()];
  for (const [index, ids] of seen.entries()) {
    await gateway.addProvider(`p${index}`, await startResetting(closers, ids));
  }
  const load = startLoad({ ...gateway, concurrency: options.concurrency });
  await pause(options.seconds * 1000);
  const outcomes = await load.stop();
  say(JSON.stringify(tally(outcomes)));
  const counts = seen.flatMap((ids) => [...ids.values()]);
  printTable([
    {
      requests: outcomes.length,
      'arrived at providers': counts.reduce((sum, count) => sum + count, 0),
      'tried at the other': outcomes.filter(({ attempts }) => attempts > 1).length,
      'twice at one': counts.filter((count) => count > 1).length,
    },
  ]);
});

/** A provider that counts how often each request arrives, and resets three connections in ten. */
async function startResetting(closers: Closers, ids: Map<string, number>): Promise<string> {
  let number = 0;
  const server = createServer((request, response) => {
    const id = String(request.headers['x-request-id']);
    ids.set(id, (ids.get(id) ?? 0) + 1);
    response.on('error', () => {});
    request.resume().on('end', () => answer(response, (number++ * 7) % 10));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
}

function answer(response: ServerResponse, place: number): void {
  const { socket } = response;
  if (place === 0) socket?.resetAndDestroy();
  else if (place === 1) socket?.end();
  else {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end('{"choices":[{"message":{"role":"assistant","content":"ok"}}]}');
    // Resets an idle connection, when the next request may already be on its way.
    if (place === 2) response.on('finish', () => setImmediate(() => socket?.destroy()));
  }
}
