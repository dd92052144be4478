import type { MetricObjectWithValues, MetricValue } from 'prom-client';
import type { ProtobufMetricsSerializer } from './official.js';
import { hrTime } from './spans.js';

type ResourceMetrics = Parameters<typeof ProtobufMetricsSerializer.serializeRequest>[0];
type MetricData = ResourceMetrics['scopeMetrics'][number]['metrics'][number];
type Family = MetricObjectWithValues<MetricValue<string>>;
type Labels = Partial<Record<string, string | number>>;

/** OpenTelemetry's numbers. */
const double = 1;
const cumulative = 1;
const dataPointTypes = { histogram: 0, gauge: 2, sum: 3 } as const;

/**
 * The families of Prometheus as OTLP has them, under the same names and labels.
 * @param startedAt when the counters were zero; @param nowMs both wall clock, milliseconds.
 */
export function metricsOf(
  families: readonly Family[],
  startedAt: number,
  nowMs: number,
): MetricData[] {
  const times = { startTime: hrTime(startedAt), endTime: hrTime(nowMs) };
  return families.map((family): MetricData => {
    const { name, help, values } = family;
    const common = {
      descriptor: { name, description: help, unit: '', valueType: double },
      aggregationTemporality: cumulative,
    };
    const type = String(family.type);
    if (type === 'histogram') {
      const dataPoints = histograms(values).map((point) => ({ ...point, ...times }));
      return { ...common, dataPointType: dataPointTypes.histogram, dataPoints };
    }
    const dataPoints = values.map(({ labels, value }) => ({
      attributes: attributesOf(labels),
      value,
      ...times,
    }));
    if (type === 'gauge') return { ...common, dataPointType: dataPointTypes.gauge, dataPoints };
    return { ...common, dataPointType: dataPointTypes.sum, dataPoints, isMonotonic: true };
  });
}

interface HistogramPoint {
  attributes: Record<string, string>;
  value: { buckets: { boundaries: number[]; counts: number[] }; sum: number; count: number };
}

/** Prometheus has a sum of all smaller buckets in each, with its bound as a label. */
function histograms(values: readonly (MetricValue<string> & { metricName?: string })[]) {
  const points = new Map<string, HistogramPoint>();
  for (const { labels, value, metricName = '' } of values) {
    const { le, ...own } = labels as Labels;
    const attributes = attributesOf(own);
    const key = JSON.stringify(attributes);
    const point = points.get(key) ?? {
      attributes,
      value: { buckets: { boundaries: [], counts: [] }, sum: 0, count: 0 },
    };
    points.set(key, point);
    const { buckets } = point.value;
    if (metricName.endsWith('_sum')) point.value.sum = value;
    else if (metricName.endsWith('_count')) point.value.count = value;
    else {
      const smaller = buckets.counts.reduce((sum, count) => sum + count, 0);
      buckets.counts.push(value - smaller);
      if (le !== '+Inf') buckets.boundaries.push(Number(le));
    }
  }
  return [...points.values()];
}

function attributesOf(labels: Labels): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, String(value)]));
}
