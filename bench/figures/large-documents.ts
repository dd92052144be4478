/** Measures plans and changes by a large document, and how long other requests wait meanwhile. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { executable, startGateway, startMock } from '../faults/gateway.js';
import { printTable, run, say } from '../faults/report.js';
import { startGenerator } from '../load/generator.js';
import { jobFor } from '../measure/measure-round.js';
import { chatOfBytes } from '../scenarios.js';

const defaults = { entries: 100_000, 'per-second': 200, workers: 1 };
const pauseMs = 20;

await run(defaults, async ({ entries, workers, ...options }, closers) => {
  const gateway = await startGateway(closers, { workers });
  const mock = await startMock(closers);
  await gateway.addProvider('p', mock.url, { model_mapping: { m: 'm' } });
  const generator = startGenerator();
  closers.push(() => generator.close());
  const target = { port: gateway.port, headers: { authorization: `Bearer ${gateway.key}` } };
  const request = { path: '/v1/chat/completions', body: chatOfBytes('m', 220) };
  await generator.start(
    jobFor(target, request, { kind: 'open', perSecond: options['per-second'] }),
  );
  const headers = {
    authorization: `Bearer ${gateway.adminKey}`,
    'content-type': 'application/json',
  };
  const admin = async (path: string, body?: object) => {
    const url = `${gateway.url}/admin/v1/config/${path}`;
    const text = body && { method: 'POST', body: JSON.stringify(body) };
    const answer = await fetch(url, { headers, ...text });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    await answer.arrayBuffer();
  };
  const command = async (document: string) => {
    const file = join(gateway.dataDir, 'document.yaml');
    writeFileSync(file, document);
    const args = [executable, 'config', 'apply', file, '--yes', '--json'];
    const env = { ...process.env, ...gateway.env };
    await promisify(execFile)(process.execPath, args, { env, maxBuffer: 2 ** 30 });
  };
  const keys = (count: number, rateLimit: number) =>
    `credentials:\n${Array.from({ length: count }, (_, n) => entry(n, rateLimit)).join('')}`;
  const wrong = keys(entries, -1);
  const steps: [string, () => Promise<void>][] = [
    ['nothing', () => sleep(5_000)],
    ['plan of new keys', () => admin('plan', { document: keys(entries, 1) })],
    ['plan with a problem in each', () => admin('plan', { document: wrong }).catch(() => {})],
    ['apply of new keys', () => admin('apply', { document: keys(entries, 1) })],
    ['plan of no change', () => admin('plan', { document: keys(entries, 1) })],
    ['plan of changes', () => admin('plan', { document: keys(entries, 2) })],
    ['llmproxy config apply of changes', () => command(keys(entries, 2))],
    ['export', () => admin('export')],
  ];
  const rows = [];
  for (const [step, work] of steps) {
    say(step);
    await generator.mark();
    const waits: number[] = [];
    let isOver = false;
    const others = (async () => {
      while (!isOver) {
        const startMs = performance.now();
        await admin('version');
        waits.push(performance.now() - startMs);
        await sleep(pauseMs);
      }
    })();
    const startMs = performance.now();
    await work();
    const seconds = (performance.now() - startMs) / 1000;
    isOver = true;
    await others;
    const { whole, errors } = await generator.mark();
    waits.sort((a, b) => a - b);
    rows.push({
      step,
      seconds,
      'admin p50 ms': waits[Math.floor(waits.length / 2)] ?? 0,
      'admin p99 ms': waits[Math.floor(waits.length * 0.99)] ?? 0,
      'admin max ms': waits.at(-1) ?? 0,
      'chat p99 ms': whole.p99 ?? 0,
      'chat max ms': whole.max ?? 0,
      errors,
    });
    await sleep(1_000);
  }
  await generator.stop();
  printTable(rows);
});

function entry(n: number, rateLimit: number): string {
  const hash = n.toString(16).padStart(64, '0');
  return `  user-${n}: {credential_key: "${hash}", rate_limit: ${rateLimit}, tags: [team-${n % 50}]}\n`;
}
