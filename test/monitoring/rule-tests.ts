import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { parse } from 'yaml';
import { evaluate, keyOf, type Sample, type Series } from './promql.js';
import { type Expression, parseExpression, secondsOf } from './promql-syntax.js';
import { prometheusFiles } from './shipped-files.js';

/** A rule of a file for Prometheus. */
export interface Rule {
  record?: string;
  alert?: string;
  expr: string;
  for?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

interface ExpectedAlert {
  exp_labels: Record<string, string>;
  exp_annotations: Record<string, string>;
}

/** A test in the format of `promtool test rules`. */
export interface RuleTest {
  interval: string;
  input_series: { series: string; values: string }[];
  alert_rule_test?: { alertname: string; eval_time: string; exp_alerts: ExpectedAlert[] }[];
  promql_expr_test?: {
    expr: string;
    eval_time: string;
    exp_samples: { labels: string; value: string }[];
  }[];
}

const evaluationSeconds = 60;

/** All rules of the files. */
export function shippedRules(): Rule[] {
  return prometheusFiles('rules').flatMap((file) =>
    parse(readFileSync(file, 'utf8')).groups.flatMap((group: { rules: Rule[] }) => group.rules),
  );
}

/** All tests of the files. */
export function shippedTests(): RuleTest[] {
  // Every scalar is a text: `0x10` are eleven zeros, not a number.
  const read = (file: string) => parse(readFileSync(file, 'utf8'), { schema: 'failsafe' });
  return prometheusFiles('tests').flatMap((file) => read(file).tests);
}

/**
 * Runs a test of rules, which are evaluated every minute, those that record before alerts.
 * @returns what fails.
 */
export function failuresOf(rules: readonly Rule[], test: RuleTest): string[] {
  const all = test.input_series.map(({ series, values }) =>
    seriesOf(series, values, secondsOf(test.interval)),
  );
  const alerts = test.alert_rule_test ?? [];
  const queries = test.promql_expr_test ?? [];
  const times = [...alerts, ...queries].map(({ eval_time }) => secondsOf(eval_time));
  const asked = new Set(alerts.map(({ alertname }) => alertname));
  const alerting = rules.filter(({ alert }) => alert !== undefined && asked.has(alert));
  const needing = [...alerting, ...queries].map(({ expr }) => expr).join('\n');
  const recording = rules.filter(({ record }) => record !== undefined && needing.includes(record));
  const parsed = [...recording, ...alerting].map((rule) => ({
    rule,
    expression: expressionOf(rule.expr),
  }));
  const activeSince = new Map<string, number>();
  const failures: string[] = [];
  for (let at = 0; at <= Math.max(...times); at += evaluationSeconds) {
    const firing = parsed.flatMap(({ rule, expression }) => {
      const samples = samplesOf(expression, all, at);
      if (rule.record !== undefined) record(rule.record, samples, all, at);
      return rule.alert === undefined ? [] : alertsOf(rule, samples, activeSince, at);
    });
    for (const { alertname, eval_time, exp_alerts } of alerts) {
      if (secondsOf(eval_time) !== at) continue;
      const found = firing.filter(({ name }) => name === alertname).map(({ alert }) => alert);
      if (!isDeepStrictEqual(sorted(found), sorted(exp_alerts))) {
        failures.push(`${alertname} after ${eval_time}: ${JSON.stringify(found)}`);
      }
    }
    for (const { expr, eval_time, exp_samples } of queries) {
      if (secondsOf(eval_time) !== at) continue;
      const found = samplesOf(expressionOf(expr), all, at);
      const expected = exp_samples.map(({ labels, value }) => ({
        labels: labelsOf(labels),
        value: Number(value),
      }));
      const asText = (samples: Sample[]) =>
        samples.map(({ labels, value }) => `${keyOf(labels)} ${value.toPrecision(9)}`).sort();
      if (!isDeepStrictEqual(asText(found), asText(expected))) {
        failures.push(`${expr} after ${eval_time}: ${asText(found)}`);
      }
    }
  }
  return failures;
}

const known = new Map<string, Expression>();

function expressionOf(text: string): Expression {
  const expression = known.get(text) ?? parseExpression(text);
  known.set(text, expression);
  return expression;
}

function samplesOf(expression: Expression, all: readonly Series[], at: number): Sample[] {
  const value = evaluate(expression, all, at);
  return typeof value === 'number' ? [{ labels: {}, value }] : value;
}

function record(name: string, samples: readonly Sample[], all: Series[], at: number): void {
  for (const { labels, value } of samples) {
    const named = { ...labels, __name__: name };
    let series = all.find((one) => keyOf(one.labels) === keyOf(named));
    if (!series) {
      series = { labels: named, points: [] };
      all.push(series);
    }
    series.points.push({ at, value });
  }
}

/** Alerts of a rule that fire: those that have been active for its `for`. */
function alertsOf(
  { alert = '', for: pending = '0s', labels = {}, annotations = {} }: Rule,
  samples: readonly Sample[],
  activeSince: Map<string, number>,
  at: number,
): { name: string; alert: ExpectedAlert }[] {
  const active = samples.map((sample) => ({ sample, key: `${alert} ${keyOf(sample.labels)}` }));
  const keys = new Set(active.map(({ key }) => key));
  for (const key of activeSince.keys()) {
    if (key.startsWith(`${alert} `) && !keys.has(key)) activeSince.delete(key);
  }
  return active.flatMap(({ sample, key }) => {
    const since = activeSince.get(key) ?? at;
    activeSince.set(key, since);
    if (at - since < secondsOf(pending)) return [];
    const { __name__: _, ...own } = sample.labels;
    const written = Object.entries(annotations).map(([name, text]) => [
      name,
      filled(text, { labels: own, value: sample.value }),
    ]);
    const exp_annotations = Object.fromEntries(written);
    return [{ name: alert, alert: { exp_labels: { ...own, ...labels }, exp_annotations } }];
  });
}

/** The text of an annotation. @throws Error for a template that is not known here. */
function filled(text: string, { labels, value }: Sample): string {
  return text.replace(/\{\{(.*?)\}\}/g, (whole, inner: string) => {
    const [, name, rest, humanized] =
      /^ \$(?:labels\.(\w+)|(value)(?: \| (humanizePercentage|humanizeDuration))?) $/.exec(inner) ??
      [];
    if (name !== undefined) return labels[name] ?? '';
    if (rest === undefined) throw new Error(`${whole} is not known`);
    if (humanized === 'humanizePercentage') return `${Number((value * 100).toPrecision(4))}%`;
    return humanized ? durationText(value) : String(value);
  });
}

/** Shorter than an hour. */
function durationText(seconds: number): string {
  if (seconds < 1) return `${Number((seconds * 1_000).toPrecision(4))}ms`;
  if (seconds < 60) return `${Number(seconds.toPrecision(4))}s`;
  return `${Math.floor(seconds / 60)}m ${Math.floor(seconds) % 60}s`;
}

/** @param values as promtool takes them, such as `1 0x10`, `0+5x3`. */
function seriesOf(series: string, values: string, stepSeconds: number): Series {
  const numbers = values.split(/\s+/).flatMap((each) => {
    const [, first, add = '0', times = '0'] =
      /^(-?[\d.]+|_)([-+][\d.]+)?(?:x(\d+))?$/.exec(each) ?? [];
    if (first === undefined) throw new Error(`${each} are no values`);
    const start = first === '_' ? Number.NaN : Number(first);
    const count = Number(times) + (first === '_' && times !== '0' ? 0 : 1);
    return Array.from({ length: count }, (_, i) => start + i * Number(add));
  });
  const points = numbers
    .map((value, i) => ({ at: i * stepSeconds, value }))
    .filter(({ value }) => !Number.isNaN(value));
  return { labels: labelsOf(series), points };
}

/** Labels of a text such as `name{label="value"}`. */
function labelsOf(text: string): Sample['labels'] {
  const [, name = '', inside = ''] = /^([\w:]*)(?:\{(.*)\})?$/.exec(text) ?? [];
  const pairs = [...inside.matchAll(/(\w+)="([^"]*)"/g)].map(([, label, value]) => [label, value]);
  return { ...(name && { __name__: name }), ...Object.fromEntries(pairs) };
}

function sorted(alerts: readonly ExpectedAlert[]): ExpectedAlert[] {
  const key = ({ exp_labels }: ExpectedAlert) => keyOf(exp_labels);
  return [...alerts].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}
