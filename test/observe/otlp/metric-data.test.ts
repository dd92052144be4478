import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gauge, Registry } from 'prom-client';
import { CounterFamily, HistogramFamily } from '../../../src/observe/metrics-series.js';
import { metricsOf } from '../../../src/observe/otlp/metric-data.js';

test('families of Prometheus become sums, gauges and histograms', async () => {
  const registry = new Registry();
  const counter = new CounterFamily({ name: 'c', help: 'C.', labelNames: ['a'], registry });
  counter.of({ a: 'x' }).value = 3;
  counter.of({ a: 'y' }).value = 4;
  new Gauge({ name: 'g', help: 'G.', registers: [registry] }).set(-1.5);
  const histogram = new HistogramFamily({
    ...{ name: 'h', help: 'H.', labelNames: ['a'], registry },
    buckets: [1, 2],
  });
  for (const value of [0.5, 1.5, 1.7, 9]) histogram.of({ a: 'x' }).observe(value);
  histogram.of({ a: 'y' }).observe(2);
  const [sum, gauge, distribution] = metricsOf(await registry.getMetricsAsJSON(), 1_000, 2_500);
  const times = { startTime: [1, 0], endTime: [2, 500_000_000] };
  const descriptor = (name: string, description: string) => ({
    ...{ name, description, unit: '', valueType: 1 },
  });
  assert.deepEqual(sum, {
    descriptor: descriptor('c', 'C.'),
    aggregationTemporality: 1,
    dataPointType: 3,
    isMonotonic: true,
    dataPoints: [
      { attributes: { a: 'x' }, value: 3, ...times },
      { attributes: { a: 'y' }, value: 4, ...times },
    ],
  });
  assert.deepEqual(gauge, {
    descriptor: descriptor('g', 'G.'),
    aggregationTemporality: 1,
    dataPointType: 2,
    dataPoints: [{ attributes: {}, value: -1.5, ...times }],
  });
  const value = (counts: number[], sum: number, count: number) => ({
    ...{ buckets: { boundaries: [1, 2], counts }, sum, count },
  });
  assert.deepEqual(distribution, {
    descriptor: descriptor('h', 'H.'),
    aggregationTemporality: 1,
    dataPointType: 0,
    dataPoints: [
      { attributes: { a: 'x' }, value: value([1, 2, 1], 12.7, 4), ...times },
      { attributes: { a: 'y' }, value: value([0, 1, 0], 2, 1), ...times },
    ],
  });
});
