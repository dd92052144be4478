import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Probe } from '../../../src/admin/health/probe.js';
import { followProbes } from '../../../src/daemon/follow/follow-probes.js';
import type { GatewayEvent } from '../../../src/observe/event.js';
import type { Ejection } from '../../../src/upstream/health.js';

/** Workers that only remember. */
function follow() {
  const state = { now: 1_000_000, ejection: null as Ejection | null, events: [] as GatewayEvent[] };
  const announced: Ejection[] = [];
  const onResult = followProbes(
    {
      ejectionsOf: () => (state.ejection ? [state.ejection] : []),
      announce(ejection) {
        announced.push(ejection);
        state.ejection = ejection.until === null ? null : ejection;
      },
    },
    (event) => state.events.push(event),
    () => state.now,
  );
  const result = (status: Probe['status'], model: string | null, intervalMs = 10_000) => {
    const error = status === 'healthy' ? null : 'HTTP 500';
    const atFault = status === 'unhealthy';
    const probe = { status, atFault, tookMs: 5, error, said: null };
    onResult({ provider: 'p', model, probe, intervalMs });
  };
  return { state, announced, result };
}

test('one failure takes a provider out until the probe after the next, one success brings it back', () => {
  const { state, announced, result } = follow();
  result('healthy', 'm');
  assert.equal(announced.length, 0);
  result('unhealthy', 'm', 60_000);
  assert.deepEqual(announced, [
    { provider: 'p', model: null, until: state.now + 120_005, times: 1 },
  ]);
  result('healthy', 'm');
  assert.deepEqual(announced.at(-1), { provider: 'p', model: null, until: null, times: 0 });
});

test('it stays out while it fails, and is reported once', () => {
  const { state, announced, result } = follow();
  for (let i = 0; i < 30; i++) {
    result('unhealthy', 'm');
    assert.ok((state.ejection?.until ?? 0) > state.now + 10_000, 'past the next probe');
    state.now += 10_000;
  }
  assert.ok(announced.length > 5);
  result('healthy', 'm');
  assert.deepEqual(
    state.events.map((event) => event.type === 'provider_probed' && event.healthy),
    [false, true],
  );
});

test('one that is probed seldom is not out for longer than requests keep a provider out', () => {
  const { state, announced, result } = follow();
  result('unhealthy', 'm', 86_400_000);
  assert.equal(announced[0]?.until, state.now + 300_000);
});

test('a probe that only shows that it can be reached does not undo findings of requests', () => {
  const { state, announced, result } = follow();
  state.ejection = { provider: 'p', model: null, until: state.now + 60_000, times: 2 };
  result('healthy', null);
  assert.equal(announced.length, 0);
  result('healthy', 'm');
  assert.equal(announced[0]?.until, null);
});

test('but it undoes what such a probe has found', () => {
  const { announced, result } = follow();
  result('unhealthy', null);
  result('healthy', null);
  assert.equal(announced.at(-1)?.until, null);
});

test('a refused probe changes nothing', () => {
  const { state, announced, result } = follow();
  result('unknown', 'm');
  assert.deepEqual([announced, state.events], [[], []]);
});

test('a probe that asked a model brings back models that requests have taken out, too', () => {
  const { state, announced, result } = follow();
  const ejection = { provider: 'p', model: 'gpt', until: state.now + 60_000, times: 2 };
  state.ejection = ejection;
  result('healthy', null);
  assert.equal(announced.length, 0);
  state.ejection = ejection;
  result('healthy', 'm');
  assert.deepEqual(announced, [{ provider: 'p', model: 'gpt', until: null, times: 0 }]);
});
