import type { PlanReplay } from '../../admin/replay-plan.js';
import { shownDollars } from '../../pricing/money.js';
import type { AsJson } from '../admin-api.js';
import { outputWidth, paint, print, printTable, wrapped } from '../output.js';

export type ShownReplay = AsJson<PlanReplay>;

/** Maximum rows of a list shown; `--json` has all. */
const maxShown = 50;
/** Maximum width of sentences, also if the output is not a terminal. */
const maxWidth = 80;

/** Prints a replay for people. */
export function printReplay(replay: ShownReplay): void {
  const { since, until, requests, moved, complete } = replay;
  print('');
  print(paint('bold', `Replay of ${count(requests)} requests, ${time(since)} to ${time(until)}`));
  if (!complete) print(paint('yellow', '  There were more: the replay ended early.'));
  print(`  would go elsewhere  ${count(moved)}${share(moved, requests)}`);
  print(
    `  would be refused    ${count(replay.refused_after)}, were ${count(replay.refused_before)}`,
  );
  const { cost_before_nano: before, cost_after_nano: after } = replay;
  print(`  would cost          ${shownDollars(after)}, did ${shownDollars(before)}`);
  if (requests > 0) {
    printProviders(replay);
    printRefusals(replay);
    printGroups(replay);
  }
  print('');
  print(paint('bold', 'What cannot be known'));
  const width = Math.min(maxWidth, outputWidth());
  for (const sentence of replay.unknown) {
    for (const [index, line] of wrapped(sentence, width - 4).entries()) {
      print(`${index === 0 ? '  - ' : '    '}${line}`);
    }
  }
}

function printProviders({ providers }: ShownReplay): void {
  print('');
  printTable(providers.slice(0, maxShown), [
    { header: 'PROVIDER', value: ({ provider }) => provider, shrinkTo: 12, isName: true },
    { header: 'ANSWERED', value: ({ before }) => count(before), align: 'right' },
    { header: 'WOULD ANSWER', value: ({ after }) => count(after), align: 'right' },
  ]);
}

function printRefusals({ refusals }: ShownReplay): void {
  if (refusals.length === 0) return;
  print('');
  printTable(refusals, [
    { header: 'REFUSED', value: ({ code }) => code },
    { header: 'WERE', value: ({ before }) => count(before), align: 'right' },
    { header: 'WOULD BE', value: ({ after }) => count(after), align: 'right' },
    { header: 'BY', value: ({ by }) => by.map(({ name }) => name).join(', ') || '-', shrinkTo: 12 },
  ]);
}

function printGroups({ groups }: ShownReplay): void {
  print('');
  printTable(groups.slice(0, maxShown), [
    { header: 'TEAM', value: ({ team }) => team ?? '-', shrinkTo: 8, isName: true },
    { header: 'MODEL', value: ({ model }) => model ?? '(others)', shrinkTo: 12, isName: true },
    { header: 'REQS', value: ({ requests }) => count(requests), align: 'right' },
    { header: 'MOVED', value: ({ moved }) => count(moved), align: 'right' },
    {
      header: 'REFUSED',
      value: (one) => `${count(one.refused_before)} -> ${count(one.refused_after)}`,
      align: 'right',
    },
    { header: 'COST', value: (one) => shownDollars(one.cost_before_nano), align: 'right' },
    { header: 'THEN', value: (one) => shownDollars(one.cost_after_nano), align: 'right' },
  ]);
  if (groups.length > maxShown) print(`… and ${groups.length - maxShown} more; see --json`);
}

function count(requests: number): string {
  return Math.round(requests).toLocaleString('en');
}

function share(part: number, all: number): string {
  return all === 0 ? '' : ` (${((part / all) * 100).toFixed(1)} %)`;
}

function time(text: string): string {
  return `${text.slice(0, 16).replace('T', ' ')}Z`;
}
