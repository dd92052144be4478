import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { executable } from '../../cli/llmproxy.js';
import { ask } from '../../support/ask.js';
import { testDatabase, testDirectory } from '../../support/postgres.js';
import { until } from '../../support/until.js';

test('with 200 descriptors and 300 connections no worker ends, and the shortage is logged', async (t) => {
  const { dbUrl } = await testDatabase(t);
  const dataDir = testDirectory();
  const serve = `ulimit -n 200 && exec '${process.execPath}' '${executable}' serve --json \
    --host 127.0.0.1 --port 0 --workers 1 --engine net`;
  const daemon = spawn('sh', ['-c', serve], {
    cwd: dataDir,
    env: { PATH: process.env.PATH, DB_URL: dbUrl, LLMPROXY_DATA_DIR: dataDir, HOME: dataDir },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  daemon.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  const clients = new Set<Socket>();
  t.after(async () => {
    for (const client of clients) client.destroy();
    daemon.kill('SIGTERM');
    await once(daemon, 'exit');
  });
  const [, port = ''] = await until(
    'the port',
    () => /ready on http:\/\/127\.0\.0\.1:(\d+)/.exec(text) ?? undefined,
    20_000,
  );
  for (let n = 0; n < 300; n++) {
    const client = connect(Number(port), '127.0.0.1').on('error', () => {});
    client.write('GET /health HTTP/1.1\r\n');
    clients.add(client);
    client.on('close', () => clients.delete(client));
  }
  await until('it is told', () => text.includes('"descriptors_short"'));
  await until('the refusals', () => clients.size === 68);
  for (const client of clients) client.destroy();
  await until(
    'an answer',
    async () => (await ask(`http://127.0.0.1:${port}/health`)).status === 200,
  );
  assert.ok(!text.includes('"worker_exited"'), text);
  assert.equal(text.split('"descriptors_short"').length, 2);
});
