import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { clock, day } from '../lib/format.js';
import { drawnSeries, restColor, type Series, seriesAt, stepAt } from '../lib/stack.js';
import { isDark } from '../lib/theme.js';
import { t } from '../lib/words.js';
import { Cut } from './table.js';

interface ChartProps {
  label: string;
  /** Start of each step: seconds since the epoch. */
  times: readonly number[];
  /** Length of a step, seconds. */
  stepSeconds: number;
  series: readonly Series[];
  format: (value: number) => string;
  /** Bars stand on each other, the first one at the bottom. */
  isStacked?: boolean;
  /**
   * The address that steps lead to.
   * @param name the series whose bar was clicked; null: the whole step.
   * @param last the last of several steps, which the pointer was drawn over.
   */
  linkOf?: (step: number, name: string | null, last: number) => string;
  height?: number;
}

/** The first five have a meaning, the others tell stacked series apart. */
const colors = [
  ...['--accent', '--bad', '--good', '--warn', '--line-strong'],
  ...['--stack-1', '--stack-2', '--stack-3', '--stack-4'],
] as const;

/**
 * The one look of charts. The legend shows the numbers of the chosen step, or the last ones, and hides
 * series. A step is chosen by pointing at it or by the arrow keys, and opened by a click or Enter; several
 * by drawing the pointer over them.
 */
export function Chart(props: ChartProps) {
  const { label, times, stepSeconds, series, format, linkOf, height = 168 } = props;
  const isStacked = props.isStacked === true;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [index, setIndex] = useState<number | null>(null);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const dark = isDark.value;
  const last = times.length - 1;
  const shown = Math.min(index ?? last, last);
  const drawn = useMemo(() => drawnSeries(series, hidden, isStacked), [series, hidden, isStacked]);
  const open = (step: number, name: string | null, last = step) => {
    if (linkOf) location.hash = linkOf(step, name, last);
  };
  const opened = useRef(open);
  opened.current = open;

  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const style = getComputedStyle(document.documentElement);
    const color = (name: string) => style.getPropertyValue(name).trim();
    // On narrow bars a line between what is stacked would cover it.
    const hasEdges = isStacked && element.clientWidth / times.length > 12;
    // Without a value there is no scale: its steps would be of nothing.
    const isEmpty = !drawn.some(({ values }) => values.some(Boolean));
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
      // Half of the last label of the time axis stands beside the plot.
      padding: [8, 18, 0, 0],
      legend: { show: false },
      cursor: {
        y: false,
        points: { size: 6 },
        // A hand that trembles clicks; the handler below tells both apart.
        drag: { x: linkOf !== undefined, y: false, dist: 8, setScale: false, click: () => {} },
        // A step lasts until the next one, wherever the pointer is in it.
        dataIdx: (_, __, ___, at) => stepAt(times, at),
      },
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
        ...drawn.map(({ label: name, color: number, isBars }) => {
          const stroke = color(colors[number] ?? colors[restColor]);
          const bars = isBars && uPlot.paths.bars?.({ size: [0.7, 24], align: 1 });
          return {
            label: name,
            stroke: hasEdges ? color('--surface') : stroke,
            width: hasEdges ? 1 : isBars ? 0 : 1.6,
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
        setCursor: [
          (chart) => {
            const { idx, left = -1 } = chart.cursor;
            setIndex(idx == null ? null : stepAt(times, chart.posToVal(left, 'x')));
          },
        ],
      },
    };
    const data = [times, ...drawn.map(({ values }) => values)] as uPlot.AlignedData;
    const chart = new uPlot(options, data, element);
    plot.current = chart;
    chart.over.addEventListener('click', () => {
      const { left = -1, top = -1 } = chart.cursor;
      const stepUnder = (x: number) => stepAt(times, chart.posToVal(x, 'x'));
      const { left: from, width } = chart.select;
      if (width > 0) return opened.current(stepUnder(from), null, stepUnder(from + width));
      const step = stepUnder(left);
      opened.current(step, seriesAt(drawn, step, chart.posToVal(top, 'y')));
    });
    const observer = new ResizeObserver(() => {
      chart.setSize({ width: element.clientWidth, height });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.destroy();
      plot.current = null;
    };
  }, [times, drawn, dark, height]);

  /** Chooses a step as the pointer does; null: none. */
  const choose = (step: number | null) => {
    const chart = plot.current;
    const at = times[step ?? -1];
    const left = chart && at !== undefined ? chart.valToPos(at, 'x') + 1 : -10;
    chart?.setCursor({ left, top: left < 0 ? -10 : 0 });
  };
  const onKey = (event: KeyboardEvent) => {
    const { key } = event;
    const steps = { ArrowLeft: shown - 1, ArrowRight: shown + 1, Home: 0, End: last };
    const step = Object.hasOwn(steps, key) ? steps[key as keyof typeof steps] : null;
    if (step !== null) choose(Math.max(0, Math.min(last, step)));
    else if (key === 'Enter' && linkOf) open(shown, null);
    else return;
    event.preventDefault();
  };
  const toggle = (name: string) => {
    const names = new Set(hidden);
    if (!names.delete(name)) names.add(name);
    setHidden(names);
  };
  const stepText = times[shown] === undefined ? '' : stepName(times[shown], stepSeconds);
  const texts = series.map(({ label: name, values }) => [name, amount(values[shown], format)]);
  const sum = drawn[0]?.values[shown];

  return (
    <div class="chart">
      <div class="legend">
        <span>{stepText}</span>
        {isStacked && series.length > 1 && (
          <span>
            {t('Total')} <b>{amount(sum, format)}</b>
          </span>
        )}
        {series.map(({ label: name, color, values }) => {
          const entry = (
            <>
              <i class={`swatch c${color}`} />
              <Cut text={name} /> <b>{amount(values[shown], format)}</b>
            </>
          );
          return series.length === 1 ? (
            <span key={name}>{entry}</span>
          ) : (
            <button
              type="button"
              key={name}
              aria-pressed={!hidden.has(name)}
              onClick={() => toggle(name)}
            >
              {entry}
            </button>
          );
        })}
      </div>
      <div
        ref={place}
        class={linkOf ? 'plot opens' : 'plot'}
        role="slider"
        tabIndex={0}
        aria-label={`${label}: ${t('chart')}`}
        aria-valuemin={0}
        aria-valuemax={Math.max(0, last)}
        aria-valuenow={Math.max(0, shown)}
        aria-valuetext={[stepText, ...texts.map((each) => each.join(' '))].join(', ')}
        onKeyDown={onKey}
        onBlur={() => choose(null)}
      />
    </div>
  );
}

function amount(value: number | null | undefined, format: (value: number) => string): string {
  return value === null || value === undefined ? '–' : format(value);
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
