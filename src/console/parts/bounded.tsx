import type { SideStatus } from '../lib/answers.js';
import { duration, percent } from '../lib/format.js';
import { t } from '../lib/words.js';
import type { Column } from './table.js';

interface BoundedProps {
  of: SideStatus['error_rate'];
  format: (value: number) => string;
}

/** A measured value with its 95 % bounds. */
export function Bounded({ of, format }: BoundedProps) {
  if (!of) return <>–</>;
  const [low, high] = [format(of.low), format(of.high)];
  return (
    <>
      {format(of.value)}{' '}
      <span
        class="muted small"
        title={t('In 95 of 100 samples from {low} to {high}', { low, high })}
      >
        [{low}, {high}]
      </span>
    </>
  );
}

/** Columns of a table that compares sides: errors and latency, with bounds. */
export function boundedColumns(): Column<{
  side: Pick<SideStatus, 'error_rate' | 'latency_p50_ms' | 'latency_p95_ms'>;
}>[] {
  return [
    {
      title: t('Errors'),
      isNumber: true,
      value: ({ side }) => <Bounded of={side.error_rate} format={percent} />,
    },
    {
      title: t('Median'),
      isNumber: true,
      value: ({ side }) => <Bounded of={side.latency_p50_ms} format={duration} />,
    },
    {
      title: 'p95',
      isNumber: true,
      value: ({ side }) => <Bounded of={side.latency_p95_ms} format={duration} />,
    },
  ];
}
