import type {
  CanaryStatus,
  ComparedStatus,
  MirrorStatus,
  SideStatus,
} from '../../admin/canary-status.js';
import type { Quantile } from '../../observe/statistics.js';
import { visible } from '../../observe/visible.js';
import { shownDollars } from '../../pricing/money.js';
import { paint, print, printTable } from '../output.js';

const styles = { running: 'bold', finished: 'green', rolled_back: 'red', stopped: 'dim' } as const;

/** Prints a canary: its progress, and its two sides. */
export function printCanary(canary: CanaryStatus): void {
  const { name, state, percent, steps, step, model, to_model, reason } = canary;
  const what = model === null ? 'all models' : model;
  const to = `${canary.to_provider}${to_model === null ? '' : ` as ${to_model}`}`;
  print(`${paint('bold', visible(name))}: ${paint(styles[state], state.replace('_', ' '))}`);
  print(`  ${visible(`${what} from ${canary.from_provider} to ${to}`)}`);
  print(`  moves ${percent} %, step ${step + 1} of ${steps.length} (${steps.join(', ')} %)`);
  if (reason !== null) print(`  ${visible(reason)}`);
  const bounds = [
    canary.max_error_percent === null ? '' : `errors above ${canary.max_error_percent} %`,
    canary.max_latency_ms === null ? '' : `p95 above ${canary.max_latency_ms} ms`,
  ].filter(Boolean);
  print(`  rolls back at ${bounds.join(' or ') || 'nothing'}`);
  printTable(
    [
      { name: canary.from_provider, side: canary.from },
      { name: to, side: canary.to },
    ],
    sideColumns,
  );
  print('');
}

const sideColumns = [
  { header: 'SIDE', value: ({ name }: Row) => name, shrinkTo: 8 },
  { header: 'REQS', value: ({ side }: Row) => String(side.requests), align: 'right' },
  { header: 'ERRORS', value: ({ side }: Row) => errorsText(side), align: 'right' },
  { header: 'P50 MS', value: ({ side }: Row) => msText(side.latency_p50_ms), align: 'right' },
  { header: 'P95 MS', value: ({ side }: Row) => msText(side.latency_p95_ms), align: 'right' },
] as const;

interface Row {
  name: string;
  side: SideStatus;
}

/** Prints a mirror: clients' answers, and those of the copies. */
export function printMirror({ name, pairs, client, copy, score }: MirrorStatus): void {
  print(`${paint('bold', visible(name))}: mirror, ${pairs} ${pairs === 1 ? 'pair' : 'pairs'}`);
  if (score) print(`  score ${score.mean.toFixed(3)} of ${score.count}`);
  printTable<{ name: string; side: ComparedStatus }>(
    [
      { name: 'client', side: client },
      { name: 'copy', side: copy },
    ],
    [
      ...sideColumns.filter(({ header }) => header !== 'REQS'),
      {
        header: '1ST MS',
        value: ({ side }) => valueText(side.first_token_p50_ms),
        align: 'right',
      },
      { header: 'TOKENS', value: ({ side }) => meanText(side.completion_tokens), align: 'right' },
      {
        header: 'COST',
        value: ({ side }) => (side.cost_nano === null ? '-' : shownDollars(side.cost_nano)),
        align: 'right',
      },
    ],
  );
  print('');
}

function errorsText({ error_rate: rate }: SideStatus): string {
  if (!rate) return '-';
  const percent = (share: number) => (share * 100).toFixed(1);
  return `${percent(rate.value)} % [${percent(rate.low)}, ${percent(rate.high)}]`;
}

function msText(quantile: Quantile | null): string {
  if (!quantile) return '-';
  const { value, low, high } = quantile;
  return `${Math.round(value)} [${Math.round(low)}, ${Math.round(high)}]`;
}

function valueText(quantile: Quantile | null): string {
  return quantile ? String(Math.round(quantile.value)) : '-';
}

function meanText(mean: number | null): string {
  return mean === null ? '-' : mean.toFixed(1);
}
