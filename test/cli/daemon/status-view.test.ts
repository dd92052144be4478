import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type GatewayStatus, statusLines } from '../../../src/cli/daemon/status-view.js';

const sums = { requests: 0, errors: 0, per_second: 0, tokens: 0 };

function status(more: Partial<GatewayStatus>): GatewayStatus {
  return {
    version: '1.0.0',
    at: '2026-01-01T00:00:00.000Z',
    uptime_seconds: 5,
    config: { version: 1, since: '2026-01-01T00:00:00.000Z' },
    window_seconds: 60,
    requests: { ...sums, limited: 0, in_flight: 0, p50_ms: null, p95_ms: null, p99_ms: null },
    series: [],
    providers: [],
    keys: [],
    workers: [],
    workers_desired: 1,
    ...more,
  };
}

function provider(name: string, more: Partial<GatewayStatus['providers'][number]> = {}) {
  const state = { state: 'available', until: null, in_flight: 0, max_concurrency: null };
  return { ...sums, ...state, provider: name, share: 0, latency_ms: null, ...more };
}

const names = (lines: readonly string[]) =>
  lines.flatMap((line) => /^(q\d+)\b/.exec(line)?.[1] ?? []);

test('the busiest providers come first, followed by the number left out', () => {
  const providers = Array.from({ length: 38 }, (_, i) => provider(`q${i}`));
  providers[30] = provider('q30', { requests: 9 });
  providers[35] = provider('q35', { requests: 700 });
  providers[36] = provider('q36', { in_flight: 2 });
  const lines = statusLines(status({ providers }), 80);
  assert.deepEqual(names(lines).slice(0, 5), ['q35', 'q30', 'q36', 'q0', 'q1']);
  assert.equal(names(lines).length, 20);
  assert.ok(lines.includes('… and 18 more'));
  const few = statusLines(status({ providers: providers.slice(0, 20) }), 80);
  assert.ok(!few.some((line) => line.includes('more')));
});

test('at 80 columns long names are cut, and no number loses its unit', () => {
  const providers = [
    provider('a-provider-with-a-very-long-name-that-fills-the-line-by-itself', {
      state: 'cooling_down',
      until: new Date(Date.now() + 299_000).toISOString(),
      requests: 123_456,
      errors: 1_000,
      per_second: 2_057.6,
      share: 0.87,
      in_flight: 250,
      max_concurrency: 1_000,
      latency_ms: 12_345,
    }),
  ];
  const lines = statusLines(status({ providers }), 80);
  for (const line of lines) assert.ok(line.length <= 80, `${line.length}: ${line}`);
  const row = lines.find((line) => line.startsWith('a-provider')) ?? '';
  assert.match(row, /cooling down 29\ds +87% +2057\.6 +<1% +250\/1000 +12\.3s$/);
});
