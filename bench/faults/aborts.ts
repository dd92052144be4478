/** Measures how soon a request ends at the provider after its client has left. */
import { setTimeout as pause } from 'node:timers/promises';
import { startGateway, startMock } from './gateway.js';
import { printTable, run, say } from './report.js';

await run({ clients: 200, workers: 2 }, async ({ clients, workers }, closers) => {
  const rows: Record<string, string | number>[] = [];
  for (const engine of ['net', 'node']) {
    for (const [waits, model] of [
      ['for an answer', 'mock-hang'],
      ['in a stream', 'm'],
    ]) {
      say(`${engine}, ${waits}`);
      const gateway = await startGateway(closers, { workers, engine });
      const mock = await startMock(closers, { chunks: 10_000, chunkIntervalMs: 20 });
      await gateway.addProvider('p', mock.url);
      const aborts = Array.from({ length: clients }, () => {
        const abort = new AbortController();
        fetch(`${gateway.url}/v1/chat/completions`, {
          method: 'POST',
          headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
          body: JSON.stringify({ model, stream: true, messages: [] }),
          signal: abort.signal,
        })
          .then((answer) => answer.body?.pipeTo(new WritableStream()))
          .catch(() => {});
        return abort;
      });
      while ((await mock.stats()).active < clients) await pause(20);
      const startMs = performance.now();
      for (const abort of aborts) abort.abort();
      while ((await mock.stats()).active > 0 && performance.now() - startMs < 10_000);
      const { active, aborted } = await mock.stats();
      rows.push({
        engine,
        'clients wait': waits ?? '',
        clients,
        'aborted at the provider': aborted,
        'left there': active,
        'the last after ms': Math.round(performance.now() - startMs),
      });
    }
  }
  printTable(rows);
});
