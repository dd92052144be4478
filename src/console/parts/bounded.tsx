import type { SideStatus } from '../lib/answers.js';
import { t } from '../lib/words.js';

interface BoundedProps {
  of: SideStatus['error_rate'];
  format: (value: number) => string;
}

/** A measured value, and the bounds that it lies between in 95 of 100 samples. */
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
