/** Measures memory and open handles over many requests, every second one aborted. */
import { Agent, request } from 'node:http';
import { handlesOf, residentMiB, startGateway, startMock } from './gateway.js';
import { printTable, run, say } from './report.js';

const samples = 20;

await run(
  { requests: 1_000_000, concurrency: 50, workers: 1 },
  async ({ requests, concurrency, workers }, closers) => {
    const gateway = await startGateway(closers, { workers });
    const mock = await startMock(closers, { chunks: 20, chunkIntervalMs: 1 });
    await gateway.addProvider('p', mock.url);
    const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
    closers.push(() => agent.destroy());
    const rows: Record<string, string | number>[] = [];
    let sent = 0;
    let failed = 0;
    const startMs = performance.now();
    const client = async () => {
      while (sent < requests) {
        const number = sent++;
        if (number % Math.ceil(requests / samples) === 0) rows.push(sample(number));
        // Streams and whole answers in turn; every second one of each is aborted at some point.
        const ok = await ask(gateway, agent, number % 4 < 2, number % 2 === 0 ? number % 23 : null);
        if (!ok) failed++;
      }
    };
    const sample = (number: number) => {
      const [control = 0, ...others] = gateway.pids();
      const row = {
        requests: number,
        seconds: Math.round((performance.now() - startMs) / 1000),
        'worker MiB': Math.round(Math.max(...others.map(residentMiB))),
        'worker handles': Math.max(...others.map(handlesOf)),
        'control MiB': Math.round(residentMiB(control)),
        'control handles': handlesOf(control),
      };
      say(JSON.stringify(row));
      return row;
    };
    await Promise.all(Array.from({ length: concurrency }, client));
    agent.destroy();
    await new Promise((resolve) => setTimeout(resolve, 12_000));
    rows.push(sample(sent));
    printTable(rows);
    const { active, aborted } = await mock.stats();
    say(`${failed} failed; at the provider ${aborted} were aborted and ${active} are under way`);
  },
);

/** Resolves with true when all went as expected. @param abortMs when to leave; null: never. */
function ask(
  { url, key }: { url: string; key: string },
  agent: Agent,
  stream: boolean,
  abortMs: number | null,
): Promise<boolean> {
  return new Promise((resolve) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const options = { method: 'POST', headers, agent };
    const sent = request(`${url}/v1/chat/completions`, options, (response) => {
      response.resume();
      response.on('error', () => {});
      response.on('close', () =>
        resolve(response.statusCode === 200 && (response.complete || abortMs !== null)),
      );
    });
    sent.on('error', () => resolve(abortMs !== null));
    sent.end(JSON.stringify({ model: 'm', stream, messages: [{ role: 'user', content: 'hi' }] }));
    if (abortMs !== null) setTimeout(() => sent.destroy(), abortMs);
  });
}
