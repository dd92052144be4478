import assert from 'node:assert/strict';
import { createHash, randomFillSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { bearer } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { engines } from '../../support/engines.js';
import { startUpstream } from '../../support/upstream.js';

const totalBytes = 96 * 1024 * 1024;
/** Bytes buffered by sockets on the way: two connections of a few megabytes on each side. */
const maxOnTheWay = 40 * 1024 * 1024;
const maxGrowthBytes = 48 * 1024 * 1024;

for (const { engine, skip } of engines) {
  test(`a client that reads slowly holds up the provider on ${engine}`, { skip }, async (t) => {
    const daemon = await startDaemon(t, { engine });
    let written = 0;
    let sentHash = createHash('sha256');
    let contentType = '';
    const upstream = await startUpstream(t, (_request, response) => {
      response.writeHead(200, { 'content-type': contentType });
      written = 0;
      sentHash = createHash('sha256');
      const send = () => {
        while (written < totalBytes) {
          const piece = randomFillSync(Buffer.allocUnsafe(50_000));
          written += piece.length;
          sentHash.update(piece);
          if (!response.write(piece)) return response.once('drain', send);
        }
        return response.end();
      };
      send();
    });
    await daemon.addProvider('p', { api_base: upstream.url });
    const key = await daemon.addKey('alice');
    await daemon.reload();
    const [worker = 0] = daemon.workerPids();

    for (const type of ['text/event-stream', 'application/octet-stream']) {
      await t.test(`and gets every byte of ${type}`, async () => {
        contentType = type;
        const before = residentBytes(worker);
        const response = await openStream(`${daemon.url}/v1/chat/completions`, key);
        await stands(() => written);
        const held = written;
        const growth = residentBytes(worker) - before;
        const mib = (bytes: number) => (bytes / 1_048_576).toFixed(1);
        t.diagnostic(`provider paused at ${mib(held)} MiB, worker grew ${mib(growth)} MiB`);
        assert.ok(held < maxOnTheWay, `${held} bytes were sent to a client that reads none`);
        assert.ok(growth < maxGrowthBytes, `the worker grew by ${growth} bytes`);
        const hash = createHash('sha256');
        for await (const chunk of response) hash.update(chunk as Buffer);
        assert.equal(hash.digest('hex'), sentHash.digest('hex'));
        assert.ok(written >= totalBytes);
      });
    }
  });
}

/** Resolves with the head, without reading the body. */
function openStream(url: string, key: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', headers: bearer(key), agent: false }, resolve);
    sent.on('error', reject);
    sent.end('{"model":"m","stream":true}');
  });
}

/** Resolves when the value has not changed for a while. */
async function stands(value: () => number): Promise<void> {
  for (let before = -1, same = 0; same < 10; ) {
    await pause(50);
    same = value() === before ? same + 1 : 0;
    before = value();
  }
}

function residentBytes(pid: number): number {
  const [, kib] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) * 1024;
}
