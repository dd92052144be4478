import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { startDaemon } from '../../support/daemon.js';
import { engines } from '../../support/engines.js';
import { quantile, sendChat } from '../../support/load.js';
import { mockProcessForTest } from '../../support/load-for-test.js';

/** Bodies near the default cap, each made of one repeated piece. */
const bodies: [what: string, before: string, piece: string, count: number, after: string][] = [
  ['deep arrays', '{"model":"heavy","messages":[],"a":', '[', 20_000_000, ''],
  ['many members', '{"model":"heavy","messages":[]', ',"k":[{}]', 2_200_000, '}'],
  ['one long string', '{"model":"heavy","messages":[],"a":"', 'x\\u0061', 2_800_000, '"}'],
  ['many numbers', '{"model":"heavy","messages":[],"a":[', '1e5,', 5_000_000, '1]}'],
];

// In a thread of its own, so that its work does not count as the gateway's.
const sender = `
  const { workerData, parentPort } = require('node:worker_threads');
  const { request } = require('node:http');
  const { url, key, before, piece, count, after } = workerData;
  const body = Buffer.from(before + piece.repeat(count) + after);
  const headers = { authorization: 'Bearer ' + key, 'content-length': body.length };
  const sent = request(url, { method: 'POST', headers }, (response) => {
    response.resume().on('end', () => parentPort.postMessage(response.statusCode));
  });
  sent.on('error', () => parentPort.postMessage(0));
  sent.end(body);
`;

for (const { engine, skip } of engines) {
  test(`huge or deep JSON does not delay other requests for long on ${engine}`, {
    skip,
  }, async (t) => {
    const daemon = await startDaemon(t, { engine });
    for (const model of ['m', 'heavy']) {
      const { url } = await mockProcessForTest(t);
      await daemon.addProvider(model, { api_base: url, model_mapping: { [model]: model } });
    }
    const key = await daemon.addKey('alice');
    await daemon.reload();
    const alone: number[] = [];
    for (let i = 0; i < 20; i++) {
      alone.push((await sendChat({ url: daemon.url, key }, false)).tookMs);
    }
    for (const [what, before, piece, count, after] of bodies) {
      const url = `${daemon.url}/v1/chat/completions`;
      const worker = new Worker(sender, {
        eval: true,
        workerData: { url, key, before, piece, count, after },
      });
      let status: number | null = null;
      const answered = once(worker, 'message').then(([answer]) => {
        status = Number(answer);
      });
      const times: number[] = [];
      while (status === null) {
        const outcome = await sendChat({ url: daemon.url, key }, false);
        assert.equal(outcome.kind, 'ok');
        times.push(outcome.tookMs);
      }
      await answered;
      await worker.terminate();
      t.diagnostic(
        `${what} (${status}): of ${times.length} other requests the median took ` +
          `${quantile(times, 0.5).toFixed(1)} ms, the slowest ${Math.max(...times).toFixed(0)} ms`,
      );
      assert.equal(status === 400, what === 'deep arrays');
      // On a busy machine a request waits for long without any other.
      assert.ok(Math.max(...times) < 2_000 + 20 * Math.max(...alone));
    }
  });
}
