import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { clock, day } from '../lib/format.js';
import { isDark } from '../lib/theme.js';
import { t } from '../lib/words.js';

export interface Series {
  label: string;
  /** One of the five colours of charts. */
  color: 0 | 1 | 2 | 3 | 4;
  values: readonly (number | null)[];
  isBars?: boolean;
}

interface ChartProps {
  label: string;
  /** Start of each step: seconds since the epoch. */
  times: readonly number[];
  /** Length of a step, seconds. */
  stepSeconds: number;
  series: readonly Series[];
  format: (value: number) => string;
  height?: number;
}

const colors = ['--accent', '--bad', '--good', '--warn', '--line-strong'] as const;

/** The one look of charts. The legend shows the numbers under the pointer, or the last ones. */
export function Chart({ label, times, stepSeconds, series, format, height = 168 }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const [index, setIndex] = useState<number | null>(null);
  const dark = isDark.value;
  const shown = index ?? times.length - 1;

  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const style = getComputedStyle(document.documentElement);
    const color = (name: string) => style.getPropertyValue(name).trim();
    // Without a value there is no scale: its steps would be of nothing.
    const isEmpty = !series.some(({ values }) => values.some(Boolean));
    const font = '11px system-ui, sans-serif';
    const axis = {
      stroke: color('--muted'),
      font,
      grid: { stroke: color('--line'), width: 1 },
      ticks: { show: false },
    };
    const options: uPlot.Options = {
      width: element.clientWidth,
      height,
      padding: [8, 8, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
      scales: {
        // The last step has a width too.
        x: { time: true, range: (_, min, max) => [min, max + stepSeconds] },
        y: { range: (_, __, max) => [0, max > 0 ? max * 1.08 : 1] },
      },
      axes: [
        {
          ...axis,
          size: 26,
          grid: { show: false },
          values: (_, splits) => splits.map((at) => tick(at, stepSeconds)),
        },
        {
          ...axis,
          size: 56,
          values: (_, splits) => splits.map((at) => (at > 0 && isEmpty ? '' : short(format(at)))),
        },
      ],
      series: [
        {},
        ...series.map(({ label: name, color: number, isBars }) => {
          const stroke = color(colors[number]);
          const bars = isBars && uPlot.paths.bars?.({ size: [0.7, 24], align: 1 });
          return {
            label: name,
            stroke,
            width: isBars ? 0 : 1.6,
            ...(isBars ? { fill: stroke } : {}),
            ...(bars ? { paths: bars } : {}),
            points: isBars
              ? { show: false }
              : { show: true, size: 4, fill: stroke, filter: isolated },
            spanGaps: false,
          };
        }),
      ],
      hooks: {
        setCursor: [({ cursor }) => setIndex(cursor.idx ?? null)],
      },
    };
    const data = [times, ...series.map(({ values }) => values)] as uPlot.AlignedData;
    const chart = new uPlot(options, data, element);
    const observer = new ResizeObserver(() => {
      chart.setSize({ width: element.clientWidth, height });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.destroy();
    };
  }, [times, series, dark, height]);

  return (
    <div class="chart">
      <div class="legend">
        <span>{times[shown] === undefined ? '' : stepName(times[shown], stepSeconds)}</span>
        {series.map(({ label: name, color, values }) => {
          const value = values[shown];
          return (
            <span key={name}>
              <i class={`swatch c${color}`} />
              {name} <b>{value === null || value === undefined ? '–' : format(value)}</b>
            </span>
          );
        })}
      </div>
      <div ref={place} role="img" aria-label={`${label}: ${t('chart')}`} />
    </div>
  );
}

/** The points of a line that has none beside them: without a mark they could not be seen. */
function isolated(chart: uPlot, series: number, isShown: boolean): number[] | null {
  if (!isShown) return null;
  const values = chart.data[series] ?? [];
  const isGap = (index: number) => values[index] === null || values[index] === undefined;
  return [...values.keys()].filter((at) => !isGap(at) && isGap(at - 1) && isGap(at + 1));
}

/** `$0.002000` on an axis is `$0.002`. */
function short(amount: string): string {
  return amount.replace(/(\.\d\d\d*?)0+$/, '$1');
}

function tick(seconds: number, stepSeconds: number): string {
  const at = seconds * 1_000;
  const time = clock(at).slice(0, 5);
  return stepSeconds >= 86_400 || time === '00:00' ? day(at).slice(5) : time;
}

function stepName(seconds: number, stepSeconds: number): string {
  const at = seconds * 1_000;
  return stepSeconds >= 86_400 ? day(at) : `${day(at).slice(5)} ${clock(at).slice(0, 5)}`;
}
