import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { addCanaryCounts } from '../../../src/db/queries/configuration/canaries.js';
import { ask, askChat, bearer } from '../../support/ask.js';
import { type Daemon, type DaemonOptions, startDaemon } from '../../support/daemon.js';
import { until } from '../../support/until.js';
import { chatCompletion, startUpstream } from '../../support/upstream.js';

interface Sides {
  daemon: Daemon;
  key: string;
  /** Changes the answers of the provider that requests move to. */
  steer(how: { status?: number; delayMs?: number }): void;
}

/** A gateway whose provider `old` answers, and whose `new` may be made to fail. */
async function open(t: TestContext, options: DaemonOptions = {}): Promise<Sides> {
  let steering: { status?: number; delayMs?: number } = {};
  const providers = await Promise.all(
    ['old', 'new'].map((name) =>
      startUpstream(t, (_, response) => {
        const { status = 200, delayMs = 0 } = name === 'new' ? steering : {};
        setTimeout(() => {
          response.writeHead(status, { 'content-type': 'application/json' });
          response.end(status === 200 ? chatCompletion(name) : '{"error":{"message":"no"}}');
        }, delayMs);
      }),
    ),
  );
  const daemon = await startDaemon(t, options);
  const mapping = { model_mapping: { m: 'm' } };
  await daemon.addProvider('old', { api_base: providers[0]?.url ?? '', ...mapping });
  await daemon.addProvider('new', { api_base: providers[1]?.url ?? '', weight: 0, ...mapping });
  const key = await daemon.addKey('alice');
  await daemon.reload();
  return {
    daemon,
    key,
    steer: (how) => {
      steering = how;
    },
  };
}

/** Asks until the canary is in a state; every request must get one of these statuses. */
async function askUntil(
  { daemon, key }: Sides,
  what: string,
  isSo: () => Promise<boolean>,
  statuses = [200],
) {
  const startMs = performance.now();
  while (!(await isSo())) {
    assert.ok(performance.now() - startMs < 60_000, `not within a minute: ${what}`);
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => askChat(daemon.url, key, 'm')),
    );
    for (const { status, text } of answers) assert.ok(statuses.includes(status), text);
    await pause(100);
  }
}

async function rowOf({ daemon }: Sides) {
  const [row] = await daemon.sql`SELECT * FROM canaries WHERE name = 'c'`;
  return row as { state: string; step: number; reason: string | null; changed_at: Date };
}

async function statusOf({ daemon }: Sides) {
  const { stdout, stderr } = await daemon.cli(['canary', 'status', 'c', '--json']);
  assert.notEqual(stdout, '', stderr);
  return JSON.parse(stdout).canaries[0];
}

const start = ['canary', 'start', 'c', '--from', 'old', '--to', 'new'];

test('a canary goes from step to step, and finishes with all requests moved', async (t) => {
  const sides = await open(t);
  const { daemon, key } = sides;
  const made = await daemon.cli([
    ...start,
    '--steps',
    '20,100',
    '--every',
    '2s',
    '--min-requests',
    '5',
  ]);
  assert.match(made.stdout, /started canary c \(id 1\)/, made.stderr);
  const again = await daemon.cli(start);
  assert.match(again.stderr, /the canary "c" is running/);
  await askUntil(sides, 'finished', async () => (await rowOf(sides)).state === 'finished');
  await until('all requests moved', async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => askChat(daemon.url, key, 'm')),
    );
    return answers.every(({ text }) => JSON.parse(text).model === 'new');
  });
  const { percent, to, from } = await statusOf(sides);
  assert.equal(percent, 100);
  assert.ok(to.requests >= 10 && to.errors === 0, JSON.stringify(to));
  assert.ok(from.requests >= 10, JSON.stringify(from));
  assert.ok(to.error_rate.low === 0 && to.error_rate.high < 0.4);
  assert.ok(to.latency_p95_ms.low <= to.latency_p95_ms.value);
  const audit = await daemon.cli(['audit', 'list', '--json']);
  assert.match(audit.stdout, /"actor":"canary:c"/);
  const metrics = await fetch(`${daemon.url}/metrics`, { headers: bearer(daemon.adminKey) });
  assert.match(await metrics.text(), /llm_proxy_canary_percent\{canary="c"\} 100/);
});

test('a canary whose provider refuses what the other one takes rolls back within 30 s', async (t) => {
  const sides = await open(t);
  const { daemon, steer } = sides;
  await daemon.cli([...start, '--steps', '25,100', '--every', '1h']);
  const seen = async () => (await statusOf(sides)).from.requests ?? 0;
  await askUntil(sides, 'requests elsewhere', async () => (await seen()) >= 60);
  assert.equal((await rowOf(sides)).state, 'running');
  steer({ status: 400 });
  const isBack = async () => (await rowOf(sides)).state === 'rolled_back';
  const failedMs = Date.now();
  await askUntil(sides, 'rolled back', isBack, [200, 400]);
  const { reason, changed_at } = await rowOf(sides);
  assert.ok(changed_at.getTime() - failedMs < 30_000, `${changed_at.getTime() - failedMs}`);
  assert.match(reason ?? '', /^\d+ of \d+ requests were refused .*, elsewhere 0 of \d+$/);
  assert.equal((await statusOf(sides)).to.errors, 0);
});

test('refusals that other daemons have counted, or this one before a restart, count alike', async (t) => {
  const sides = await open(t);
  const { daemon } = sides;
  await daemon.cli([...start, '--steps', '1,100', '--every', '1h']);
  await until('its first step', async () => (await rowOf(sides)).changed_at !== null);
  const counted = {
    canary: 'c',
    requests: 1,
    errors: 0,
    slow: 0,
    refused: 1,
    latency: { '10': 1 },
  };
  const usual = { ...counted, side: 'from' as const, requests: 100, refused: 0 };
  await addCanaryCounts(daemon.sql, 'vm-0', [usual]);
  // Each has seen too few to be sure.
  for (let vm = 0; vm < 4; vm++) {
    await addCanaryCounts(daemon.sql, `vm-${vm}`, [{ ...counted, side: 'to' }]);
  }
  await until('rolled back', async () => (await rowOf(sides)).state === 'rolled_back');
  const { reason } = await rowOf(sides);
  assert.match(reason ?? '', /^\d of \d requests were refused .*, elsewhere 0 of 100$/);
  const { to } = await statusOf(sides);
  assert.deepEqual([to.requests, to.errors], [4, 0]);
  assert.equal(typeof to.latency_p50_ms.value, 'number');
});

test('a canary with failing requests rolls back within 30 s, and no client notices', async (t) => {
  const sides = await open(t);
  const { daemon, steer } = sides;
  await daemon.cli([...start, '--steps', '25,100', '--every', '1h']);
  await askUntil(
    sides,
    'good requests',
    async () => ((await statusOf(sides)).to.requests ?? 0) >= 5,
  );
  assert.equal((await rowOf(sides)).state, 'running');
  steer({ status: 503 });
  const failedMs = Date.now();
  await askUntil(sides, 'rolled back', async () => (await rowOf(sides)).state === 'rolled_back');
  const { reason, changed_at, step } = await rowOf(sides);
  assert.ok(changed_at.getTime() - failedMs < 30_000, `${changed_at.getTime() - failedMs}`);
  assert.match(reason ?? '', /^\d+ of \d+ requests failed$/);
  assert.equal(step, 0);
  const { percent, to } = await statusOf(sides);
  assert.equal(percent, 0);
  assert.ok(to.error_rate.low > 0.05 || to.requests > 20, JSON.stringify(to));
  assert.ok(
    daemon.logs.some(({ event, state }) => event === 'canary_moved' && state === 'rolled_back'),
  );
  steer({});
  const text = await daemon.cli(['canary', 'status'], { env: { COLUMNS: '80' } });
  assert.match(text.stdout, /c: rolled back/);
  for (const line of text.stdout.split('\n')) assert.ok(line.length <= 80, line);
  const restarted = await daemon.cli(start);
  assert.match(restarted.stdout, /started canary c/, restarted.stderr);
  assert.equal((await rowOf(sides)).state, 'running');
});

test('a canary with slow answers rolls back', async (t) => {
  const sides = await open(t);
  sides.steer({ delayMs: 300 });
  await sides.daemon.cli([...start, '--steps', '50', '--every', '1h', '--max-latency', '150']);
  await askUntil(sides, 'rolled back', async () => (await rowOf(sides)).state === 'rolled_back');
  assert.match((await rowOf(sides)).reason ?? '', /took longer than 150 ms/);
});

test('another daemon continues at the same step, and each step is made once', async (t) => {
  const sides = await open(t);
  const { daemon } = sides;
  await daemon.cli([...start, '--steps', '10,50,100', '--every', '3s', '--min-requests', '1']);
  await askUntil(sides, 'the second step', async () => (await rowOf(sides)).step === 1);
  const database = { dbUrl: daemon.dbUrl ?? '', sql: daemon.sql };
  const second = await startDaemon(t, { database });
  await daemon.stop();
  const other = { ...sides, daemon: second };
  await askUntil(other, 'finished', async () => (await rowOf(other)).state === 'finished');
  const steps = await second.sql`
    SELECT count(*)::int AS count FROM audit_log WHERE kind = 'canary' AND actor = 'canary:c'`;
  // Its begin, two steps, and the end.
  assert.equal(steps[0]?.count, 4);
});

test('a canary is promoted by hand, to its next step or to its end', async (t) => {
  const sides = await open(t);
  const { daemon, key } = sides;
  await daemon.cli([...start, '--steps', '1,50,100', '--every', '1h']);
  const next = await daemon.cli(['canary', 'promote', 'c', '--next']);
  assert.match(next.stdout, /promoted canary c/, next.stderr);
  assert.deepEqual([(await rowOf(sides)).state, (await rowOf(sides)).step], ['running', 1]);
  assert.equal((await statusOf(sides)).percent, 50);
  // Its time counts from then on.
  await until('the step has begun', async () => (await rowOf(sides)).changed_at !== null);
  await daemon.cli(['canary', 'promote', 'c']);
  assert.deepEqual([(await rowOf(sides)).state, (await rowOf(sides)).step], ['finished', 2]);
  assert.equal(JSON.parse((await askChat(daemon.url, key, 'm')).text).model, 'new');
  const again = await daemon.cli(['canary', 'promote', 'c']);
  assert.match(again.stderr, /the canary "c" is not running/);
  const gone = await daemon.cli(['canary', 'promote', 'gone']);
  assert.match(gone.stderr, /no canary "gone"/);
  const only = async (query: string) => {
    const headers = bearer(daemon.adminKey);
    const { text } = await ask(`${daemon.url}/admin/v1/canary/status?${query}`, { headers });
    const { canaries, mirrors } = JSON.parse(text);
    return [canaries, mirrors].map((rows: { name: string }[]) => rows.map(({ name }) => name));
  };
  await daemon.sql`INSERT INTO mirrors (name, model) VALUES ('c', 'm'), ('other', 'm')`;
  assert.deepEqual(await only(''), [['c'], ['c', 'other']]);
  assert.deepEqual(await only('only=canaries'), [['c'], []]);
  assert.deepEqual(await only('only=mirrors&name=other'), [[], ['other']]);
  assert.deepEqual(await only('name=c'), [['c'], ['c']]);
});

test('stopping returns requests; invalid input is refused by name', async (t) => {
  const sides = await open(t);
  const { daemon, key } = sides;
  await daemon.cli([...start, '--steps', '100', '--every', '1h']);
  await until(
    'moved',
    async () => JSON.parse((await askChat(daemon.url, key, 'm')).text).model === 'new',
  );
  const stopped = await daemon.cli(['canary', 'stop', 'c', '--reason', 'enough']);
  assert.match(stopped.stdout, /stopped canary c/, stopped.stderr);
  assert.equal(JSON.parse((await askChat(daemon.url, key, 'm')).text).model, 'old');
  const { state, reason } = await statusOf(sides);
  assert.deepEqual([state, reason], ['stopped', 'enough']);
  const wrong = [
    [['canary', 'start', 'x'], /--from is missing/],
    [['canary', 'start', 'x', '--from', 'old'], /to_model must name another model/],
    [
      [...start.slice(0, 2), 'x', '--from', 'old', '--to', 'new', '--steps', '50,10'],
      /steps: must ascend/,
    ],
    [
      [...start.slice(0, 2), 'x', '--from', 'old', '--to', 'new', '--steps', '0'],
      /--steps: "0" is not/,
    ],
    [['canary', 'stop', 'gone'], /no canary "gone"/],
    [['canary', 'status', 'gone'], /no canary or mirror "gone"/],
  ] as const;
  for (const [args, message] of wrong) {
    const { code, stderr } = await daemon.cli([...args]);
    assert.notEqual(code, 0);
    assert.match(stderr, message);
  }
  const exported = await daemon.cli(['config', 'export']);
  assert.match(exported.stdout, /canaries:\n {2}c:\n/);
  assert.doesNotMatch(exported.stdout, /state:|changed_at:/);
  const planned = await daemon.cli(['config', 'plan', '-', '--json'], { stdin: exported.stdout });
  assert.deepEqual(JSON.parse(planned.stdout).changes, []);
  const answer = await ask(`${daemon.url}/admin/v1/canary/status?since=soon`, {
    headers: bearer(daemon.adminKey),
  });
  assert.equal(answer.status, 400, answer.text);
});
