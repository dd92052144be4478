import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDaemon } from '../../support/daemon.js';
import { freePort } from '../../support/free-port.js';

interface Check {
  check: string;
  state: string;
  detail: string;
}

test('doctor judges the running gateway by its own port, and takes the flags of serve', async (t) => {
  const port = await freePort();
  const daemon = await startDaemon(t, { port });
  const checks = async (args: string[], env = {}): Promise<Map<string, Check>> => {
    const { stdout } = await daemon.cli(['doctor', '--json', ...args], { env });
    return new Map(JSON.parse(stdout).checks.map((each: Check) => [each.check, each]));
  };
  const plain = await checks([]);
  assert.match(plain.get('port')?.detail ?? '', new RegExp(`:${port}, the running gateway's`));
  assert.equal(plain.get('database')?.state, 'ok');
  const other = await freePort();
  const asked = await checks(['--port', String(other), '--engine', 'node', '--host', '127.0.0.1']);
  assert.match(
    asked.get('port')?.detail ?? '',
    new RegExp(`127\\.0\\.0\\.1:${other} is free; the running gateway uses ${port}`),
  );
  assert.equal(asked.get('engine')?.detail, 'node');
  assert.equal(plain.get('gateway')?.state, 'ok');
  const record = join(daemon.dataDir, 'workers.json');
  const content = readFileSync(record, 'utf8');
  writeFileSync(record, content.replace(/"build":"[0-9a-f]{16}"/, '"build":"0"'));
  const replaced = (await checks([])).get('gateway');
  assert.deepEqual(
    [replaced?.state, replaced?.detail.includes('another build of')],
    ['warn', true],
  );
  writeFileSync(record, content);
  const without = await checks([], { DB_URL: '' });
  assert.equal(without.get('database')?.state, 'warn');
  assert.match(
    without.get('database')?.detail ?? '',
    /as the running gateway uses it, is available/,
  );
});
