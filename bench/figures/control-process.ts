/**
 * Measures the control process's work on a finished request, without workers and Postgres: it is
 * read, counted, remembered, charged, and turned into a row.
 */
import { deserialize, serialize } from 'node:v8';
import { createObservers } from '../../src/daemon/start/observers.js';
import { packRows } from '../../src/db/queries/requests/insert-request-logs.js';
import {
  type PackedRequests,
  RequestBatch,
  unpackRequests,
} from '../../src/observe/packed-requests.js';
import { createUsageRecorder } from '../../src/observe/usage/usage-recorder.js';
import type { UsageRow } from '../../src/observe/usage/usage-row.js';
import { finished } from '../../test/observe/usage/finished.js';
import { settingsForTest } from '../../test/proxy/gateway-for-test.js';
import { printTable, run } from '../faults/report.js';

await run({ requests: 400_000, batch: 100, rounds: 5 }, async ({ requests, batch, rounds }) => {
  const observers = createObservers('0', settingsForTest(), () => {});
  observers.metrics.configured({
    models: ['gpt-4'],
    providers: ['main'],
    pairs: [['gpt-4', 'main']],
  });
  let rows: UsageRow[] = [];
  let bytes = 0;
  const queue = {
    add(row: UsageRow) {
      rows.push(row);
      if (rows.length < 1_000) return;
      bytes += packRows(rows).length;
      rows = [];
    },
    close: async () => {},
  };
  const tokenizer = { count: () => Promise.reject(new Error('no text')), close: async () => {} };
  const charge = { cost: 1_234, currency: 'USD', priceRevision: 'bench' } as const;
  observers.addRecorder(createUsageRecorder(queue, tokenizer, () => charge, observers.emit));

  const packed = new RequestBatch();
  const table: Record<string, string | number>[] = [];
  for (let round = 0; round <= rounds; round++) {
    let us = 0;
    for (let done = 0; done < requests; done += batch) {
      for (let i = 0; i < batch; i++) {
        packed.add(
          finished({
            requestId: `0190c2a4-7d0e-7bb4-9f0e-${String(done + i).padStart(12, '0')}`,
            startedAt: 1_800_000_000_000 + done + i,
            totalMs: 5 + (i % 7) / 3,
            usage: { promptTokens: 10 + i, completionTokens: 20 },
          }),
        );
      }
      const message = serialize(packed.take());
      const before = process.cpuUsage();
      for (const event of unpackRequests(deserialize(message) as PackedRequests)) {
        observers.emit(event);
      }
      const { user, system } = process.cpuUsage(before);
      us += user + system;
    }
    if (round > 0)
      table.push({ round, 'us/req': us / requests, 'bytes/row': bytes / requests / (round + 1) });
    await new Promise((resolve) => setImmediate(resolve));
  }
  printTable(table);
});
