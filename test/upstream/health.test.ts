import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Ejection, Health } from '../../src/upstream/health.js';

function healthForTest() {
  const told: Ejection[] = [];
  return { health: new Health((ejection) => told.push(ejection)), told };
}

/** Fails so often in a row that the provider is out. */
function eject(health: Health, now: number): void {
  for (let i = 0; i < 5; i++) health.failed('p', null, now);
}

/** The provider's share of many requests. */
function share(health: Health, now: number): number {
  let available = 0;
  for (let i = 0; i < 2_000; i++) if (health.isAvailable('p', now)) available++;
  return available / 2_000;
}

test('five failures in a row eject a provider, also for other workers', () => {
  const { health, told } = healthForTest();
  for (let i = 0; i < 4; i++) health.failed('p', null, 0);
  health.succeeded('p', 10, 0);
  for (let i = 0; i < 4; i++) health.failed('p', null, 0);
  assert.ok(health.isAvailable('p', 0));
  health.failed('p', null, 0);
  assert.ok(!health.isAvailable('p', 0));
  assert.deepEqual(told, [{ provider: 'p', model: null, until: 5_000, times: 1 }]);
  assert.ok(health.isAvailable('other', 0));
});

test('after an ejection a single request tests the provider', () => {
  const { health } = healthForTest();
  eject(health, 0);
  assert.ok(!health.isAvailable('p', 4_999));
  assert.ok(health.isAvailable('p', 5_000));
  health.started('p', 5_000);
  assert.ok(!health.isAvailable('p', 5_000));
  health.undecided('p');
  assert.ok(health.isAvailable('p', 5_001), 'a client that left has found nothing out');
});

test('each failed trial makes the ejection longer, up to half a minute', () => {
  const { health, told } = healthForTest();
  eject(health, 0);
  let now = 0;
  for (let i = 0; i < 8; i++) {
    now = told.at(-1)?.until ?? 0;
    health.started('p', now);
    health.failed('p', null, now);
  }
  const times = told.map(({ until }, index) => (until ?? 0) - (told[index - 1]?.until ?? 0));
  assert.deepEqual(
    times,
    [5, 10, 15, 20, 25, 30, 30, 30, 30].map((seconds) => seconds * 1_000),
  );
});

test('a provider that is back gets its share little by little, and a clean slate', () => {
  const { health, told } = healthForTest();
  eject(health, 0);
  health.started('p', 5_000);
  health.succeeded('p', 10, 5_000);
  assert.deepEqual(told.at(-1), { provider: 'p', model: null, until: null, times: 0 });
  assert.ok(Math.abs(share(health, 5_000) - 0.1) < 0.05);
  assert.ok(Math.abs(share(health, 15_000) - 0.5) < 0.08);
  assert.equal(share(health, 25_000), 1);
  assert.ok(!health.isOut('p', 5_000), 'to others that fail it is an alternative at once');
  eject(health, 30_000);
  assert.equal(told.at(-1)?.until, 35_000);
});

test('findings of another worker count like its own', () => {
  const { health, told } = healthForTest();
  health.learn({ provider: 'p', model: null, until: 5_000, times: 1 }, 0);
  assert.ok(!health.isAvailable('p', 4_000));
  health.started('p', 5_000);
  health.failed('p', null, 5_000);
  assert.deepEqual(told, [{ provider: 'p', model: null, until: 15_000, times: 2 }]);
  health.learn({ provider: 'p', model: null, until: null, times: 0 }, 6_000);
  assert.ok(!health.isOut('p', 6_000));
  assert.equal(told.length, 1, 'what was told is not told again');
});

test('a provider that asks for a pause gets it, at most a minute, whatever it asks for', () => {
  for (const [asked, pause] of [
    [0, 0],
    [2_000, 2_000],
    [3_600_000, 60_000],
    [Number.POSITIVE_INFINITY, 60_000],
  ] as const) {
    const { health } = healthForTest();
    health.failed('p', asked, 1_000);
    if (pause > 0) assert.ok(!health.isAvailable('p', 1_000 + pause - 1), `${asked}`);
    assert.ok(health.isAvailable('p', 1_000 + pause), `${asked}`);
    assert.ok(Number.isFinite(health.cost('p', 100_000)), `${asked}`);
    health.succeeded('p', 10, 1_000_000);
    assert.ok(health.latencyMs('p') < 11, `${asked}`);
  }
});

test('the cost rises at once, falls slowly, and grows with requests in flight', () => {
  const { health } = healthForTest();
  health.succeeded('p', 100, 0);
  health.succeeded('p', 900, 1_000);
  assert.equal(health.cost('p', 1_000), 900);
  health.succeeded('p', 100, 2_000);
  assert.ok(health.cost('p', 2_000) > 700);
  health.started('p', 2_000);
  health.started('p', 2_000);
  assert.equal(Math.round(health.cost('p', 2_000)), Math.round(health.latencyMs('p') * 3));
  health.ended('p');
  assert.equal(health.inFlight('p'), 1);
});

test('fast failures attract no requests, and neither does a provider that never answered', () => {
  const { health } = healthForTest();
  health.failed('fast failure', null, 0);
  health.succeeded('slow success', 2_000, 0);
  assert.ok(health.cost('fast failure', 0) > health.cost('slow success', 0));
  assert.equal(health.cost('new', 0), 0, 'an idle new one is tried');
  health.started('new', 0);
  assert.ok(health.cost('new', 0) > health.cost('slow success', 0));
});

test('a provider is sound while its last answer was good', () => {
  const { health } = healthForTest();
  assert.ok(health.isSound('p'));
  health.failed('p', null, 0);
  assert.ok(!health.isSound('p'));
  health.succeeded('p', 1, 0);
  assert.ok(health.isSound('p'));
});

const failure = (scope: 'model' | 'account', model: string, credential: string) => ({
  scope,
  model,
  credential,
});

test('failures of one model take out that model, and nothing else of its provider', () => {
  const { health, told } = healthForTest();
  for (let i = 0; i < 5; i++) health.failed('p', null, 0, failure('model', 'a', 'k'));
  assert.deepEqual(told, [{ provider: 'p', model: 'a', until: 5_000, times: 1 }]);
  assert.ok(!health.isAvailable('p', 0, 'a'));
  assert.ok(health.isAvailable('p', 0, 'b'));
  assert.ok(health.isAvailable('q', 0, 'a'));
  assert.equal(health.statuses(0).p?.state, 'ejected', 'all that was asked of it failed');
  assert.ok(health.isEjected('p'));
  health.succeeded('p', 10, 0, 'b');
  assert.ok(!health.isAvailable('p', 0, 'a'));
  assert.equal(health.statuses(0).p?.state, 'in');
  assert.ok(!health.isEjected('p'));
  health.started('p', 5_000, 'a');
  assert.ok(health.isOut('p', 5_000, 'a'), 'on trial');
  health.undecided('p', 'a');
  assert.ok(health.isAvailable('p', 5_000, 'a'));
  health.started('p', 5_000, 'a');
  health.succeeded('p', 10, 5_000, 'a');
  assert.deepEqual(told.at(-1), { provider: 'p', model: 'a', until: null, times: 0 });
});

test('a pause that a provider asks for is the model’s', () => {
  const { health } = healthForTest();
  health.failed('p', 9_000, 0, failure('model', 'a', 'k'));
  assert.deepEqual([health.isOut('p', 8_999, 'a'), health.isOut('p', 9_000, 'a')], [true, false]);
  assert.ok(!health.isOut('p', 0, 'b'));
  assert.equal(health.statuses(0).p?.state, 'cooling_down');
});

test('refusals count for a provider only when several models and keys see them', () => {
  const cases: [failed: [model: string, key: string][], isOut: boolean][] = [
    [[['a', 'k']], false],
    [
      [
        ['a', 'k'],
        ['b', 'k'],
      ],
      false,
    ],
    [
      [
        ['a', 'k'],
        ['a', 'l'],
      ],
      false,
    ],
    [
      [
        ['a', 'k'],
        ['b', 'l'],
      ],
      true,
    ],
  ];
  for (const [asked, isOut] of cases) {
    for (const scope of ['account', 'model'] as const) {
      const { health } = healthForTest();
      const fail = (at: number) => {
        const [model = '', key = ''] = asked[at % asked.length] ?? [];
        health.failed('p', null, 0, failure(scope, model, key));
      };
      for (let i = 0; i < 4; i++) fail(i);
      assert.ok(!health.isOut('p', 0, 'other'));
      for (let i = 4; i < 20; i++) fail(i);
      assert.equal(health.isOut('p', 0, 'other'), isOut, `${scope} ${asked}`);
      assert.equal(health.isOut('p', 0, 'a'), isOut || scope === 'model');
    }
  }
  const { health } = healthForTest();
  for (let i = 0; i < 20; i++) {
    if (i % 4 === 3) health.succeeded('p', 10, 0, 'c');
    else health.failed('p', null, 0, failure('account', `${i}`, `${i}`));
  }
  assert.ok(!health.isOut('p', 0), 'answers between show that it is not refused');
});

test('invented model names do not fill the memory, and ejections persist', () => {
  const { health } = healthForTest();
  for (let i = 0; i < 5; i++) health.failed('p', null, 0, failure('model', 'out', 'k'));
  for (let i = 0; i < 5_000; i++) {
    health.succeeded('p', 1, 0, 'good');
    health.failed('p', null, 0, failure('model', `m${i}`, 'k'));
  }
  assert.ok(health.isOut('p', 0, 'out'));
  assert.ok(health.isAvailable('p', 0, 'm1'));
});

test('the penalty of a failure counts against a provider, and is not shown as its latency', () => {
  const { health } = healthForTest();
  health.started('p', 0);
  health.succeeded('p', 100, 0);
  health.failed('p', null, 0);
  assert.equal(health.statuses(0).p?.latencyMs, 100);
  assert.ok(health.cost('p', 0) >= 5_000);
  health.succeeded('p', 400, 0);
  assert.equal(health.statuses(0).p?.latencyMs, 400);
});
