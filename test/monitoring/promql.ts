import type { Expression, Matcher } from './promql-syntax.js';

/**
 * Evaluates the part of PromQL that the shipped rules use, as Prometheus does, so that their tests
 * run where no promtool is installed.
 */

export interface Sample {
  labels: Readonly<Record<string, string>>;
  value: number;
}

export interface Series {
  labels: Readonly<Record<string, string>>;
  /** In the order of their times, seconds. */
  points: { at: number; value: number }[];
}

type Value = number | Sample[];

const lookbackSeconds = 300;
const aggregations: Readonly<Record<string, (values: number[]) => number>> = {
  sum: (values) => values.reduce((sum, value) => sum + value, 0),
  max: (values) => Math.max(...values),
  min: (values) => Math.min(...values),
};
const operations: Readonly<Record<string, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
};
const comparisons: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
};
/** @param at seconds. */
export function evaluate(expression: Expression, all: readonly Series[], at: number): Value {
  const of = (inner: Expression) => evaluate(inner, all, at);
  switch (expression.type) {
    case 'number':
      return expression.value;
    case 'select':
      return selected(expression, all).flatMap(({ labels, points }) => {
        const last = points.findLast((point) => point.at <= at);
        if (!last || last.at <= at - lookbackSeconds) return [];
        return [{ labels, value: last.value }];
      });
    case 'aggregate': {
      const groups = grouped(vectorOf(of(expression.of)), (labels) =>
        picked(labels, expression.by),
      );
      return groups.map(({ labels, members }) => ({
        labels,
        value: aggregations[expression.name]?.(members.map(({ value }) => value)) ?? Number.NaN,
      }));
    }
    case 'binary':
      return combined(expression.operator, of(expression.left), of(expression.right));
    case 'call':
      return called(expression.name, expression.args, all, at);
  }
}

function called(
  name: string,
  args: readonly Expression[],
  all: readonly Series[],
  at: number,
): Sample[] {
  const [first, second] = args;
  if ((name === 'rate' || name === 'increase') && first?.type === 'select' && first.rangeSeconds) {
    const seconds = first.rangeSeconds;
    return selected(first, all).flatMap(({ labels, points }) => {
      const increase = increaseOf(points, at - seconds, at);
      if (increase === null) return [];
      return [{ labels: unnamed(labels), value: name === 'rate' ? increase / seconds : increase }];
    });
  }
  if (name === 'round' && first) {
    const step = second ? Number(evaluate(second, all, at)) : 1;
    return vectorOf(evaluate(first, all, at)).map(({ labels, value }) => ({
      labels: unnamed(labels),
      value: Math.floor(value / step + 0.5) * step,
    }));
  }
  if (name === 'histogram_quantile' && first?.type === 'number' && second) {
    const histograms = grouped(vectorOf(evaluate(second, all, at)), (labels) => {
      const { le: _, ...others } = unnamed(labels);
      return others;
    });
    return histograms.map(({ labels, members }) => ({
      labels,
      value: quantileOf(first.value, members),
    }));
  }
  throw new Error(`${name}() is not known, or has other arguments`);
}

/** Counts what a counter gained in (from, to], as `extrapolatedRate` of Prometheus does. */
function increaseOf(points: Series['points'], from: number, to: number): number | null {
  const within = points.filter(({ at }) => at > from && at <= to);
  const [first, last] = [within[0], within.at(-1)];
  if (!first || !last || first === last) return null;
  let gained = last.value - first.value;
  for (const [i, { value }] of within.entries()) {
    const before = within[i - 1]?.value ?? 0;
    if (value < before) gained += before;
  }
  const sampled = last.at - first.at;
  const average = sampled / (within.length - 1);
  const beyond = (gap: number) => (gap >= average * 1.1 ? average / 2 : gap);
  let before = beyond(first.at - from);
  if (gained > 0 && first.value >= 0) before = Math.min(before, (sampled * first.value) / gained);
  return (gained * (sampled + before + beyond(to - last.at))) / sampled;
}

/** The `histogram_quantile` of cumulative buckets. */
function quantileOf(quantile: number, members: readonly Sample[]): number {
  const buckets = members
    .map(({ labels, value }) => ({ upper: Number(labels.le?.replace('+Inf', 'Infinity')), value }))
    .sort((a, b) => a.upper - b.upper);
  const total = buckets.at(-1);
  if (buckets.length < 2 || total?.upper !== Number.POSITIVE_INFINITY || total.value === 0) {
    return Number.NaN;
  }
  const rank = quantile * total.value;
  const place = buckets.findIndex(({ value }) => value >= rank);
  const below = place === 0 ? { upper: 0, value: 0 } : buckets[place - 1];
  const found = buckets[place];
  if (!found || !below) return Number.NaN;
  if (found === total) return below.upper;
  const share = (rank - below.value) / (found.value - below.value);
  return below.upper + (found.upper - below.upper) * share;
}

function combined(operator: string, left: Value, right: Value): Value {
  if (operator === 'or') {
    const known = new Set(vectorOf(left).map(({ labels }) => keyOf(unnamed(labels))));
    const others = vectorOf(right).filter(({ labels }) => !known.has(keyOf(unnamed(labels))));
    return [...vectorOf(left), ...others];
  }
  const operate = operations[operator];
  if (typeof left === 'number' && typeof right === 'number' && operate) return operate(left, right);
  const matches = matched(vectorOf(left, right), vectorOf(right, left));
  if (operate) {
    return matches.map(([{ labels, value }, other]) => ({
      labels: unnamed(labels),
      value: operate(value, other),
    }));
  }
  const holds = comparisons[operator];
  if (!holds || typeof left === 'number') throw new Error(`${operator} is not known here`);
  return matches.flatMap(([sample, other]) => (holds(sample.value, other) ? [sample] : []));
}

/** Pairs samples that have the same labels. */
function matched(left: readonly Sample[], right: readonly Sample[]): [Sample, number][] {
  const values = new Map(right.map(({ labels, value }) => [keyOf(unnamed(labels)), value]));
  return left.flatMap((sample): [Sample, number][] => {
    const other = values.get(keyOf(unnamed(sample.labels)));
    return other === undefined ? [] : [[sample, other]];
  });
}

/** @param like a number is taken as a vector with the labels of this one. */
function vectorOf(value: Value, like: Value = []): Sample[] {
  if (typeof value !== 'number') return value;
  return vectorOf(like).map(({ labels }) => ({ labels, value }));
}

function selected(
  { name, matchers }: Extract<Expression, { type: 'select' }>,
  all: readonly Series[],
): Series[] {
  return all.filter(
    ({ labels }) =>
      labels.__name__ === name &&
      matchers.every((matcher) => isMatch(matcher, labels[matcher.label] ?? '')),
  );
}

function isMatch({ operator, value }: Matcher, actual: string): boolean {
  const pattern = () => new RegExp(`^(?:${value})$`).test(actual);
  switch (operator) {
    case '=':
      return actual === value;
    case '!=':
      return actual !== value;
    case '=~':
      return pattern();
    case '!~':
      return !pattern();
    default:
      throw new Error(`${operator} is not known between braces`);
  }
}

function unnamed(labels: Sample['labels']): Sample['labels'] {
  const { __name__: _, ...others } = labels;
  return others;
}

function picked(labels: Sample['labels'], names: readonly string[]): Sample['labels'] {
  return Object.fromEntries(
    names.flatMap((name) => (labels[name] === undefined ? [] : [[name, labels[name]]])),
  );
}

function grouped(
  samples: readonly Sample[],
  labelsOf: (labels: Sample['labels']) => Sample['labels'],
): { labels: Sample['labels']; members: Sample[] }[] {
  const groups = new Map<string, { labels: Sample['labels']; members: Sample[] }>();
  for (const sample of samples) {
    const labels = labelsOf(sample.labels);
    const group = groups.get(keyOf(labels)) ?? { labels, members: [] };
    group.members.push(sample);
    groups.set(keyOf(labels), group);
  }
  return [...groups.values()];
}

/** The same for equal labels in any order. */
export function keyOf(labels: Sample['labels']): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}
