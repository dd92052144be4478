import { Command } from 'commander';
import type { NewCost } from '../../db/queries/requests/rerate.js';
import { counted } from '../../observe/counted.js';
import { parsePeriod } from '../../observe/usage/period.js';
import type { ModelPrice } from '../../pricing/model-price.js';
import { shownDollars } from '../../pricing/money.js';
import { addDatabaseOptions, type DatabaseFlags, withDatabase } from '../database/connection.js';
import { usageError } from '../failure.js';
import { note, print, printJson, printTable } from '../output.js';
import { askYes, canAsk } from '../prompt.js';
import { withUnpriced } from './usage-view.js';

interface RerateFlags extends DatabaseFlags {
  since: string;
  until?: string;
  yes?: boolean;
}

/** Change of cost for one model of a provider. */
interface Difference {
  provider: string;
  model: string;
  requests: number;
  before_nano: number;
  after_nano: number;
  /** Requests without a price, which these sums exclude. */
  before_unpriced: number;
  after_unpriced: number;
}

/** `llmproxy usage rerate`: recalculates the cost of stored requests with current prices. */
export function rerateCommand(): Command {
  return addDatabaseOptions(
    new Command('rerate')
      .description('recalculate the cost of stored requests with current prices')
      .requiredOption('--since <time>', 'an age (24h, 7d) or a time in ISO 8601')
      .option('--until <time>', 'as --since; by default now')
      .option('--yes', 'store the new costs without asking'),
  )
    .addHelpText(
      'after',
      `
The difference is shown first, and nothing is stored without --yes or a yes.
Spend that budgets have counted does not change.

Examples:
  $ llmproxy usage rerate --since 7d
  $ llmproxy usage rerate --since 2026-11-01 --yes`,
    )
    .action(run);
}

async function run(flags: RerateFlags): Promise<void> {
  const period = periodOf(flags);
  const [{ openPriceBook }, { ratedRows, storeCosts }, { insertPriceRevisions }] =
    await Promise.all([
      import('../../daemon/open-price-book.js'),
      import('../../db/queries/requests/rerate.js'),
      import('../../db/queries/configuration/price-revisions.js'),
    ]);
  const result = await withDatabase(flags, 'read', async (sql, settings) => {
    const book = await openPriceBook(sql, settings.overrides_dir ?? '');
    const nowMs = Date.now();
    const differences = new Map<string, Difference>();
    const changed: NewCost[] = [];
    const used = new Map<string, ModelPrice>();
    for await (const rows of ratedRows(sql, period.since, period.until)) {
      for (const row of rows) {
        const { provider, model_sent: model } = row;
        const usage = {
          promptTokens: Number(row.prompt_tokens),
          completionTokens: Number(row.completion_tokens),
          classes: row.usage_classes,
        };
        const charge = book.chargeOf({ ...row, atMs: nowMs }, usage);
        const cost = charge?.cost ?? null;
        const before = row.cost_nano === null ? null : Number(row.cost_nano);
        const revision = charge?.priceRevision ?? null;
        if (cost === before && revision === row.price_revision) continue;
        changed.push({
          started_at: row.at,
          uid: row.uid,
          cost_nano: cost,
          price_revision: revision,
        });
        const price = revision === null ? null : book.used(revision);
        if (price) used.set(price.revision, price);
        const key = `${provider}\0${model}`;
        const sum = differences.get(key) ?? {
          provider,
          model,
          requests: 0,
          ...{ before_nano: 0, after_nano: 0, before_unpriced: 0, after_unpriced: 0 },
        };
        sum.requests++;
        sum.before_nano += before ?? 0;
        sum.after_nano += cost ?? 0;
        if (before === null) sum.before_unpriced++;
        if (cost === null) sum.after_unpriced++;
        differences.set(key, sum);
      }
    }
    const list = [...differences.values()].sort((a, b) => b.requests - a.requests);
    if (!flags.json) show(list, changed.length);
    if (changed.length === 0) return { differences: list, stored: false };
    if (!flags.yes) {
      if (!canAsk(flags.json)) return { differences: list, stored: false };
      const question = `Store the new costs of ${counted(changed.length, 'request')}?`;
      if (!(await askYes(question))) return { differences: list, stored: false };
    }
    if (used.size > 0) await insertPriceRevisions(sql, [...used.values()]);
    for (let from = 0; from < changed.length; from += 2_000) {
      await storeCosts(sql, changed.slice(from, from + 2_000));
    }
    return { differences: list, stored: true };
  });
  if (flags.json) printJson({ ...period, ...result });
  else if (result.stored) print('stored the new costs');
  else if (result.differences.length > 0) note('nothing was stored; store it with --yes');
}

function periodOf({ since, until }: RerateFlags): { since: Date; until: Date } {
  try {
    return parsePeriod(since, until);
  } catch (error) {
    throw usageError(error instanceof Error ? error.message : String(error));
  }
}

function show(differences: readonly Difference[], requests: number): void {
  if (requests === 0) {
    print('all requests already have the cost at current prices');
    return;
  }
  printTable(differences, [
    { header: 'PROVIDER', value: ({ provider }) => provider, shrinkTo: 12 },
    { header: 'MODEL SENT', value: ({ model }) => model, shrinkTo: 16 },
    { header: 'REQS', value: (one) => String(one.requests), align: 'right' },
    {
      header: 'BEFORE',
      value: (one) => sumOf(one.before_nano, one.before_unpriced),
      align: 'right',
    },
    { header: 'AFTER', value: (one) => sumOf(one.after_nano, one.after_unpriced), align: 'right' },
    {
      header: 'DIFFERENCE',
      value: (one) => shownDollars(one.after_nano - one.before_nano),
      align: 'right',
    },
  ]);
}

function sumOf(nano: number, unpriced: number): string {
  return withUnpriced(shownDollars(nano), nano, unpriced);
}
