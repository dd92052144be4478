import type { RequestExplanation } from '../../admin/explain/request-explanation.js';
import type { CostLine } from '../../pricing/cost.js';
import { formatDollars } from '../../pricing/money.js';
import { note, print, printFields, printTable } from '../output.js';

/** Prints the cost of a request for people: each class times its price. */
export function printCost({ request_id, provider, model_sent, cost }: RequestExplanation): void {
  printFields([
    ['request', request_id],
    ['model', model_sent === null ? 'none was asked' : `${model_sent} at ${provider}`],
    ['cost', cost === null ? 'unknown: the model has no price' : `$${cost.cost}`],
    ...(cost === null
      ? []
      : [['price', `${cost.price ?? 'not stored'} (${cost.price_revision})`] as const]),
  ]);
  if (cost === null) return;
  print('');
  if (cost.lines === null) {
    note('The price that it was made with, or the usage, is not stored.');
    return;
  }
  printTable(cost.lines, [
    { header: 'CLASS', value: ({ unit }) => unit },
    { header: 'COUNT', value: counted, align: 'right' },
    { header: 'PRICE', value: priceOf, align: 'right' },
    { header: 'COST', value: (line) => `$${formatDollars(line.cost)}`, align: 'right' },
  ]);
}

function counted({ unit, count }: CostLine): string {
  return unit === 'hour' ? `${count} ms` : String(count);
}

function priceOf({ unit, rate, per }: CostLine): string {
  const of = unit === 'hour' ? 'an hour' : per === 1 ? `a ${unit.replaceAll('_', ' ')}` : '1M';
  return `$${formatDollars(rate)} / ${of}`;
}
