import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ask, askChat, bearer } from '../../support/ask.js';
import type { Daemon } from '../../support/daemon.js';
import { startGateway } from '../../support/gateway.js';
import { until } from '../../support/until.js';

/** A gateway that has answered 80 requests of a key with 50 a minute, by two providers. */
async function used(t: TestContext): Promise<Daemon> {
  const mapping = { model_mapping: { m: 'm' } };
  const { daemon } = await startGateway(
    t,
    { a: { weight: 3, ...mapping }, b: { weight: 1, ...mapping } },
    { workers: 2 },
  );
  const key = await daemon.addKey('bounded');
  await daemon.sql`UPDATE credentials SET limits = '{"requests_per_day": 50}' WHERE name = 'bounded'`;
  await daemon.reload();
  const statuses: number[] = [];
  for (let round = 0; round < 8; round++) {
    const asked = Array.from({ length: 10 }, () => askChat(daemon.url, key, 'm'));
    statuses.push(...(await Promise.all(asked)).map(({ status }) => status));
  }
  assert.equal(statuses.filter((status) => status === 429).length, 30, statuses.join());
  await until('80 rows', async () => {
    const [row] = await daemon.sql`SELECT count(*)::int AS count FROM request_logs`;
    return row?.count === 80;
  });
  return daemon;
}

test('the live configuration predicts what its own limits and weights did', async (t) => {
  const daemon = await used(t);
  const file = join(daemon.home, 'live.yaml');
  writeFileSync(file, (await daemon.cli(['config', 'export'])).stdout);
  const planned = await daemon.cli(['config', 'plan', file, '--replay', '1h', '--json']);
  assert.equal(planned.code, 0, planned.stderr);
  const { changes, replay } = JSON.parse(planned.stdout);
  assert.deepEqual(changes, []);
  assert.deepEqual(
    [replay.requests, replay.moved, replay.refused_before, replay.refused_after],
    [80, 0, 30, 30],
  );
  assert.equal(replay.complete, true);
  const a = replay.providers.find((each: { provider: string }) => each.provider === 'a');
  assert.ok(Math.abs(a.before - a.after) <= 2, JSON.stringify(replay.providers));
  assert.deepEqual(replay.refusals[0].by, [{ name: 'requests_per_day of this key', requests: 30 }]);
});

test('a plan says which requests would go elsewhere, be refused and cost more, in 80 columns', async (t) => {
  const daemon = await used(t);
  const file = join(daemon.home, 'next.yaml');
  writeFileSync(
    file,
    `providers:
  a: {weight: 0}
  b: {weight: 1}
credentials:
  bounded: {limits: {requests_per_day: 20}}
prices:
  m: {model: m, rates: {request: 1000000}}
`,
  );
  const { code, stdout, stderr } = await daemon.cli(['config', 'plan', file, '--replay', '2h'], {
    env: { COLUMNS: '80' },
  });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /would be refused +60, were 30/);
  assert.match(stdout, /rate_limit_exceeded +30 +60 +requests_per_day of this key/);
  assert.match(stdout, /^b +\d+ +20$/m);
  assert.match(stdout, /would cost +\$0\.02/);
  assert.match(stdout, /What cannot be known\n {2}- /);
  for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
});

test('a replay of a time that cannot be read, or of the future, is refused', async (t) => {
  const { daemon } = await startGateway(t, { a: {} });
  for (const replay of ['soon', '2999-01-01', '']) {
    const { status, text } = await ask(`${daemon.url}/admin/v1/config/plan`, {
      method: 'POST',
      headers: bearer(daemon.adminKey),
      body: JSON.stringify({ document: 'providers: {}', replay }),
    });
    assert.equal(status, 400, text);
    assert.equal(JSON.parse(text).error.param, 'replay');
  }
  const { code, stderr } = await daemon.cli(['config', 'plan', '-', '--replay', 'soon'], {
    stdin: 'providers: {}',
  });
  assert.equal(code, 1);
  assert.match(stderr, /replay: "soon" is neither how long ago/);
});
