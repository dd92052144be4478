import type { Metric, MetricObject, MetricValue, Registry } from 'prom-client';

type LabelValues = Readonly<Record<string, string>>;

interface FamilyOptions {
  name: string;
  help: string;
  /** In the order of the output. */
  labelNames?: readonly string[];
  registry: Registry;
}

/**
 * prom-client's `inc` and `observe` check and hash the labels at every call, half a microsecond
 * each, and every request needs ten of them. Here a series is looked up once, and is a plain object
 * to count into; prom-client still owns the registry and renders the text.
 */
abstract class Family<Series> {
  readonly name: string;
  readonly #help: string;
  readonly #labelNames: readonly string[];
  readonly #series = new Map<string, { labels: LabelValues; series: Series }>();

  constructor({ name, help, labelNames = [], registry }: FamilyOptions) {
    this.name = name;
    this.#help = help;
    this.#labelNames = labelNames;
    registry.registerMetric(this as unknown as Metric);
  }

  abstract readonly type: 'counter' | 'histogram';

  protected abstract create(): Series;

  protected abstract values(labels: LabelValues, series: Series): MetricValue<string>[];

  /** The series with these labels, created at zero if needed. */
  of(labels: LabelValues = {}): Series {
    const key = this.#labelNames.map((name) => labels[name]).join('\0');
    let found = this.#series.get(key);
    if (!found) {
      const named = Object.fromEntries(this.#labelNames.map((name) => [name, labels[name] ?? '']));
      found = { labels: named, series: this.create() };
      this.#series.set(key, found);
    }
    return found.series;
  }

  /** Called by prom-client to read the metric. */
  async get(): Promise<MetricObject & { values: MetricValue<string>[] }> {
    const values = [...this.#series.values()].flatMap(({ labels, series }) =>
      this.values(labels, series),
    );
    const { name, type } = this;
    return { name, help: this.#help, type, aggregator: 'sum', values } as never;
  }
}

/** One series of a counter. */
export interface Count {
  value: number;
}

export class CounterFamily extends Family<Count> {
  readonly type = 'counter';
  readonly #divisor: number;

  /** @param divisor converts the internal whole numbers to the shown unit. */
  constructor({ divisor = 1, ...options }: FamilyOptions & { divisor?: number }) {
    super(options);
    this.#divisor = divisor;
  }

  protected create(): Count {
    return { value: 0 };
  }

  protected values(labels: LabelValues, { value }: Count): MetricValue<string>[] {
    return [{ labels, value: value / this.#divisor }];
  }
}

/** One series of a histogram. */
export class Distribution {
  readonly counts: Float64Array;
  sum = 0;
  readonly #bounds: readonly number[];

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    let index = 0;
    while (index < this.#bounds.length && value > (this.#bounds[index] as number)) index++;
    this.counts[index] = (this.counts[index] as number) + 1;
    this.sum += value;
  }
}

export class HistogramFamily extends Family<Distribution> {
  readonly type = 'histogram';
  readonly #buckets: readonly number[];

  constructor({ buckets, ...options }: FamilyOptions & { buckets: readonly number[] }) {
    super(options);
    this.#buckets = buckets;
  }

  protected create(): Distribution {
    return new Distribution(this.#buckets);
  }

  protected values(labels: LabelValues, { counts, sum }: Distribution): MetricValue<string>[] {
    let total = 0;
    const values: (MetricValue<string> & { metricName: string })[] = [];
    counts.forEach((count, index) => {
      total += count;
      const le = String(this.#buckets[index] ?? '+Inf');
      values.push({ labels: { ...labels, le }, value: total, metricName: `${this.name}_bucket` });
    });
    values.push({ labels, value: sum, metricName: `${this.name}_sum` });
    values.push({ labels, value: total, metricName: `${this.name}_count` });
    return values;
  }
}
