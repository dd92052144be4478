/** Compares large streams to slow clients, by hash, with the bytes that the provider sent. */
import { createHash, randomFillSync } from 'node:crypto';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { startGateway } from './gateway.js';
import { printTable, run, say } from './report.js';

await run({ streams: 4, mebibytes: 50 }, async (options, closers) => {
  const bytes = options.mebibytes * 1_048_576;
  const rows: Record<string, string | number>[] = [];
  for (const engine of ['net', 'node']) {
    say(engine);
    const gateway = await startGateway(closers, { workers: 1, engine });
    const provider = await startSource(bytes);
    closers.push(provider.close);
    await gateway.addProvider('p', provider.url);
    const startMs = performance.now();
    const received = await Promise.all(
      Array.from({ length: options.streams }, () => readSlowly(gateway)),
    );
    const seconds = (performance.now() - startMs) / 1000;
    rows.push({
      engine,
      streams: options.streams,
      'MiB each': options.mebibytes,
      seconds: Math.round(seconds),
      equal: received.filter((hash) => provider.sent.has(hash)).length,
    });
  }
  printTable(rows);
});

/** Reads the body in bursts with pauses; returns its hash. */
function readSlowly({ url, key }: { url: string; key: string }): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const options = { method: 'POST', headers, agent: false } as const;
    const sent = request(`${url}/v1/chat/completions`, options, async (response) => {
      const hash = createHash('sha256');
      let read = 0;
      let burst = 0;
      try {
        for await (const chunk of response) {
          const piece = chunk as Buffer;
          hash.update(piece);
          read += piece.length;
          burst += piece.length;
          if (burst > 2_000_000) {
            burst = 0;
            await pause(100);
          }
        }
        resolve(hash.digest('hex'));
      } catch (error) {
        reject(new Error(`the stream broke after ${read} bytes`, { cause: error }));
      }
    });
    sent.on('error', reject);
    sent.end('{"model":"m","stream":true}');
  });
}

/** Starts a provider that streams random bytes as fast as they are read; `sent` has the hashes. */
async function startSource(bytes: number) {
  const sent = new Set<string>();
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const hash = createHash('sha256');
    let written = 0;
    const send = () => {
      while (written < bytes) {
        const piece = randomFillSync(Buffer.allocUnsafe(40_000));
        written += piece.length;
        hash.update(piece);
        if (!response.write(piece)) return response.once('drain', send);
      }
      sent.add(hash.digest('hex'));
      return response.end();
    };
    send();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/v1`, sent, close: () => void server.close() };
}
