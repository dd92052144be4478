import { type Measurement, medianOf } from './measure/measurement.js';
import type { Result } from './run.js';

/** Column widths: the target's name left-aligned, numbers right-aligned; 105 characters in all. */
const widths = [15, 9, 9, 8, 11, 8, 9, 9, 9, 18];

/** The table of one scenario: medians, ratios to nginx, latency in excess of `direct`. */
export function tableOf(results: readonly Result[]): string {
  const [first] = results;
  if (first === undefined) {
    return '';
  }
  const { title, unit, perSecond } = first.scenario;
  const rows = results.map(({ target, rounds }) => ({ target, median: medianOf(rounds) }));
  const medianOfTarget = (name: string) => rows.find(({ target }) => target === name)?.median;
  const [direct, nginx] = [medianOfTarget('direct'), medianOfTarget('nginx')];
  const measured =
    perSecond === null
      ? 'Latency: until the first byte.'
      : `Latency: at ${perSecond === 'half' ? 'half of its own' : perSecond} requests a second, from the intended send time.`;
  const plus = direct === undefined ? ' ms' : ' +ms';
  const header = [
    'target',
    `us/${unit === 'chunk' ? 'chunk' : 'req'}`,
    'control',
    '/nginx',
    `${unit === 'chunk' ? 'chunk' : 'req'}/s`,
    '/nginx',
    `p50${plus}`,
    `p99${plus}`,
    `p99.9${plus}`,
    'PSS MB idle/load',
  ];
  const notes = rows
    .filter(({ median }) => median.errors > 0)
    .map(
      ({ target, median }) => `! ${target}: ${median.errors} errors, such as: ${median.lastError}`,
    );
  return [
    title,
    measured,
    line(header),
    ...rows.map((row) => line(cellsOf(row.target, row.median, direct, nginx))),
    ...notes,
    '',
  ].join('\n');
}

function cellsOf(
  target: string,
  median: Measurement,
  direct: Measurement | undefined,
  nginx: Measurement | undefined,
): string[] {
  const base = target === 'direct' ? undefined : direct;
  const latency = (['p50', 'p99', 'p999'] as const).map((name) => {
    const value = median.latencyMs[name];
    const added = value === null ? null : value - (base?.latencyMs[name] ?? 0);
    return added === null ? '-' : `${target === 'direct' ? '= ' : ''}${added.toFixed(2)}`;
  });
  return [
    target,
    median.cpuUs.toFixed(1),
    target.startsWith('llmproxy') ? median.controlUs.toFixed(1) : '-',
    ratio(median.cpuUs, nginx?.cpuUs),
    Math.round(median.perSecond).toLocaleString('en'),
    ratio(median.perSecond, nginx?.perSecond),
    ...latency,
    `${megabytes(median.idlePssBytes)} / ${megabytes(median.loadedPssBytes)}`,
  ];
}

function line(cells: readonly string[]): string {
  return cells
    .map((cell, index) =>
      index === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[index] ?? 0),
    )
    .join('');
}

function ratio(value: number, reference: number | undefined): string {
  return reference === undefined || reference === 0 ? '-' : `${(value / reference).toFixed(2)}x`;
}

function megabytes(bytes: number): string {
  return Math.round(bytes / 2 ** 20).toString();
}
