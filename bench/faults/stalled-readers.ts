/** Compares the memory of a worker whose clients request streams and read nothing with the caps. */
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { residentMiB, startGateway } from './gateway.js';
import { printTable, run, say } from './report.js';

await run({ readers: 500, seconds: 15, 'stall-ms': 20_000 }, async (options, closers) => {
  const rows: Record<string, string | number>[] = [];
  for (const engine of ['net', 'node']) {
    say(engine);
    const gateway = await startGateway(closers, {
      workers: 1,
      engine,
      settings: { server: { stalled_reader_timeout_ms: options['stall-ms'] } },
    });
    const provider = await startEndless();
    closers.push(provider.close);
    await gateway.addProvider('p', provider.url);
    const [worker = 0] = gateway.workers();
    const idle = residentMiB(worker);
    const sockets: Socket[] = [];
    for (let i = 0; i < options.readers; i++) sockets.push(askAndStall(gateway));
    let peak = 0;
    for (let i = 0; i < options.seconds * 10; i++) {
      await pause(100);
      peak = Math.max(peak, residentMiB(worker));
    }
    const active = provider.active();
    const startMs = performance.now();
    while (provider.active() > 0 && performance.now() - startMs < 2 * options['stall-ms']) {
      await pause(100);
    }
    const left = provider.active();
    for (const socket of sockets) socket.destroy();
    await pause(2_000);
    rows.push({
      engine,
      readers: options.readers,
      'under way': active,
      'idle MiB': Math.round(idle),
      'peak MiB': Math.round(peak),
      'KiB per reader': Math.round(((peak - idle) * 1024) / options.readers),
      'after MiB': Math.round(residentMiB(worker)),
      'not let go': left,
    });
  }
  printTable(rows);
});

function askAndStall({ port, key }: { port: number; key: string }): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.pause();
  const body = '{"model":"m","stream":true}';
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\nauthorization: Bearer ${key}\r\n` +
      `content-length: ${body.length}\r\n\r\n${body}`,
  );
  return socket;
}

/** A provider with endless streams. */
async function startEndless() {
  let active = 0;
  const event = `data: {"choices":[{"delta":{"content":"${'x'.repeat(200)}"}}]}\n\n`.repeat(16);
  const server = createServer((request, response) => {
    request.resume();
    active++;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const send = () => {
      while (!response.destroyed && response.write(event));
    };
    response.on('drain', send).on('error', () => {});
    response.on('close', () => active--);
    send();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    active: () => active,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
