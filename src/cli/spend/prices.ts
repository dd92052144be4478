import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { compileModelPattern, matchesPattern } from '../../config/rows/model-pattern.js';
import type { Price } from '../../config/rows/price.js';
import { counted } from '../../observe/counted.js';
import { visible } from '../../observe/visible.js';
import { type AdminApi, changeOver, withAdminApi } from '../admin-api.js';
import { printActivation } from '../daemon/activate.js';
import { addGatewayOptions, type DatabaseFlags } from '../database/connection.js';
import { CliError, usageError } from '../failure.js';
import { note, print, printJson, printTable, warnEach } from '../output.js';
import { confirmDeletion } from '../prompt.js';
import { addRateOptions, type PriceFlags, priceFields } from './price-flags.js';
import { printPrice, ratesText } from './price-view.js';

type PriceRow = Price & { id: number };
interface PriceAnswer {
  version: number;
  price: PriceRow;
  warnings?: string[];
}

/** A provider's model, and its price. */
interface PricedModel {
  provider: string;
  model: string;
  price: { revision: string; source: string; name: string; rates: Price['rates'] } | null;
}

/** `llmproxy prices …`: prices of models. */
export function pricesCommand(): Command {
  const command = new Command('prices').alias('price').description('manage the prices of models');
  command.addCommand(
    addGatewayOptions(new Command('list').alias('ls'))
      .description('list your own prices, and those of the models in use')
      .addHelpText('after', '\nExample:\n  $ llmproxy prices list --json')
      .action(list),
  );
  command.addCommand(
    addGatewayOptions(new Command('show').alias('get'))
      .description('show a price: your own, else the bundled one of a model')
      .argument('<name>', 'the name of a price, or a model')
      .addHelpText('after', '\nExample:\n  $ llmproxy prices show gpt-4o')
      .action(show),
  );
  command.addCommand(
    addGatewayOptions(addRateOptions(new Command('set')))
      .description('set a price, which wins over the bundled one')
      .argument('<name>', 'its name; the model, unless --model names another')
      .option('--model <model>', 'the model as it is sent, or a wildcard')
      .option('--provider <key>', 'only for this provider; "any": for all')
      .option('--valid-from <time>', 'start of its validity; ISO 8601')
      .addHelpText(
        'after',
        `
Token rates are dollars per million tokens. A class without a rate of
its own is charged as input or output.

Examples:
  $ llmproxy prices set gpt-4o --input 2.50 --cache-read 1.25 --output 10
  $ llmproxy prices set llama --model "llama-*" --provider local --hour 2.10
  $ llmproxy prices set local --model "*" --provider local --free
  $ llmproxy prices set big --input 1.25 --output 10 --above 200000:input=2.5 \\
      --above 200000:output=15 --tier batch:input=0.625 --tier batch:output=5`,
      )
      .action(set),
  );
  command.addCommand(
    addGatewayOptions(new Command('delete').aliases(['rm', 'remove']))
      .description('delete one of your own prices')
      .argument('<name>')
      .option('--yes', 'do not ask')
      .addHelpText('after', '\nExample:\n  $ llmproxy prices delete gpt-4o --yes')
      .action(remove),
  );
  command.addCommand(
    addGatewayOptions(new Command('import'))
      .description("import prices from LiteLLM's model_prices_and_context_window.json")
      .argument('<file>')
      .option('--provider <key>', 'only for this provider')
      .option('--only <model>', 'only entries of this name or wildcard', '*')
      .option('--dry-run', 'show them and change nothing')
      .addHelpText(
        'after',
        `
Prices of the same name are replaced.

Examples:
  $ llmproxy prices import model_prices_and_context_window.json --only "gpt-5*"
  $ llmproxy prices import prices.json --only "azure/*" --provider azure`,
      )
      .action(importFile),
  );
  command.addCommand(
    addGatewayOptions(new Command('check'))
      .description('list models in use without a price; exit code 1 if there are any')
      .addHelpText('after', '\nExample:\n  $ llmproxy prices check')
      .action(check),
  );
  return command.addHelpText('after', '\nExample:\n  $ llmproxy prices list');
}

async function list(flags: DatabaseFlags): Promise<void> {
  const { prices, models } = await withAdminApi(flags, 'read', async (api) => ({
    prices: (await api.ask<{ prices: PriceRow[] }>('GET', '/prices')).prices,
    models: await modelsInUse(api),
  }));
  if (flags.json) {
    printJson({ prices, models });
    return;
  }
  if (prices.length === 0) note('no prices of your own; set one: llmproxy prices set --help');
  else {
    printTable(prices, [
      { header: 'NAME', value: (row) => row.name, shrinkTo: 16 },
      { header: 'MODEL', value: (row) => row.model, shrinkTo: 12, isName: true },
      { header: 'PROVIDER', value: (row) => row.provider_key ?? 'any' },
      { header: 'FROM', value: (row) => row.valid_from?.slice(0, 10) ?? 'always' },
      { header: 'RATES', value: (row) => ratesText(row.rates), shrinkTo: 20 },
      { header: 'SOURCE', value: (row) => row.source },
    ]);
  }
  if (models === null || models.length === 0) return;
  print('');
  printTable(models, [
    { header: 'PROVIDER', value: (one) => one.provider, shrinkTo: 12, isName: true },
    { header: 'MODEL SENT', value: (one) => one.model, shrinkTo: 16 },
    {
      header: 'RATES',
      value: ({ price }) => (price ? ratesText(price.rates) : 'no price'),
      shrinkTo: 20,
    },
    { header: 'SOURCE', value: ({ price }) => price?.source ?? '-', shrinkTo: 12 },
  ]);
}

async function show(name: string, flags: DatabaseFlags): Promise<void> {
  const own = await withAdminApi(flags, 'read', (api) => find(api, name));
  const price = own ?? (await bundled(name));
  if (!price) {
    throw new CliError(`there is no price "${name}"`, {
      hint: `set one with: llmproxy prices set ${name} --input DOLLARS --output DOLLARS`,
    });
  }
  if (flags.json) printJson(price);
  else printPrice(price);
}

async function set(name: string, flags: DatabaseFlags & PriceFlags): Promise<void> {
  const { result, activation } = await changeOver(flags, async (api) => {
    const before = await find(api, name);
    const fields = priceFields(flags, before ?? {});
    if (before) {
      if (Object.keys(fields).length === 0) throw usageError('no change was given');
      return await api.ask<PriceAnswer>('PUT', `/prices/${before.id}`, fields);
    }
    if (!fields.rates) throw usageError('give a rate, such as --input 2.50, or --free');
    return await api.ask<PriceAnswer>('POST', '/prices', { name, ...fields });
  });
  if (flags.json) printJson(result.price);
  else print(`set the price ${visible(result.price.name)}: ${ratesText(result.price.rates)}`);
  warnEach(result.warnings, flags.json);
  printActivation(activation, flags.json);
}

async function remove(name: string, flags: DatabaseFlags & { yes?: boolean }): Promise<void> {
  const { result, activation } = await changeOver(flags, async (api) => {
    const price = await find(api, name);
    if (!price) throw new CliError(`there is no price "${name}" of your own`);
    await confirmDeletion({ what: `the price ${name}`, yes: flags.yes, json: flags.json });
    return { price, version: await api.delete(`/prices/${price.id}`) };
  });
  if (flags.json) printJson(result.price);
  else print(`deleted the price ${visible(name)}`);
  printActivation(activation, flags.json);
}

interface ImportFlags extends DatabaseFlags {
  provider?: string;
  only: string;
  dryRun?: boolean;
}

async function importFile(file: string, flags: ImportFlags): Promise<void> {
  const { importLitellmPrices } = await import('../../config/import/litellm-prices.js');
  const pattern = compileModelPattern(flags.only);
  if (typeof pattern === 'string') throw usageError(`--only: ${pattern}`);
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new CliError(`cannot read ${file}: ${error.message}`);
  });
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new CliError(`${file} is not JSON`);
  }
  const only = (name: string) => matchesPattern(pattern, name);
  const { prices, skipped } = importLitellmPrices(parsed, flags.provider ?? null, only);
  if (prices.length === 0) throw new CliError(`${file} has no matching price`);
  if (!flags.dryRun) {
    const { activation } = await changeOver(flags, async (api) => {
      const rows = (await api.ask<{ prices: PriceRow[] }>('GET', '/prices')).prices;
      const ids = new Map(rows.map((row) => [row.name, row.id]));
      let version = 0;
      for (const price of prices) {
        const id = ids.get(price.name);
        const answer =
          id === undefined
            ? await api.ask<PriceAnswer>('POST', '/prices', price)
            : await api.ask<PriceAnswer>('PUT', `/prices/${id}`, price);
        version = answer.version;
      }
      return { version };
    });
    printActivation(activation, flags.json);
  }
  if (flags.json) printJson({ prices, skipped });
  else {
    print(`${flags.dryRun ? 'would import' : 'imported'} ${counted(prices.length, 'price')}`);
    if (skipped.length > 0)
      note(
        `${counted(skipped.length, 'entry').replace(/ys$/, 'ies')} without a price here left out`,
      );
  }
}

async function check(flags: DatabaseFlags): Promise<void> {
  const models = await withAdminApi(flags, 'read', (api) => modelsInUse(api));
  if (models === null) {
    throw new CliError('no daemon runs here, so the models in use are not known', {
      hint: 'start it with: llmproxy serve',
    });
  }
  const unpriced = models.filter(({ price }) => price === null);
  if (flags.json) printJson({ models: models.length, unpriced });
  else if (models.length === 0) {
    print('no provider names its models; see what one costs: llmproxy prices show MODEL');
  } else if (unpriced.length === 0) print(`all of ${counted(models.length, 'model')} have a price`);
  else {
    printTable(unpriced, [
      { header: 'PROVIDER', value: ({ provider }) => provider },
      { header: 'MODEL SENT', value: ({ model }) => model },
    ]);
    note(`${counted(unpriced.length, 'model')} without a price; set them: llmproxy prices set`);
  }
  if (unpriced.length > 0) process.exitCode = 1;
}

/** Null if no daemon runs. */
async function modelsInUse(api: AdminApi): Promise<PricedModel[] | null> {
  try {
    return (await api.ask<{ models: PricedModel[] }>('GET', '/spend/models')).models;
  } catch {
    return null;
  }
}

async function find(api: AdminApi, name: string): Promise<PriceRow | null> {
  const query = new URLSearchParams({ name });
  const { prices } = await api.ask<{ prices: PriceRow[] }>('GET', `/prices?${query}`);
  return prices[0] ?? null;
}

/** The bundled price of a model, from any provider. */
async function bundled(model: string): Promise<Price | null> {
  const [{ catalogOf }, { matches }] = await Promise.all([
    import('../../pricing/catalog.js'),
    import('../../pricing/matches.js'),
  ]);
  const { models } = catalogOf({ api_base: '', provider_type: 'openai' });
  const found = models.find(({ match }) => matches(match, model.toLowerCase()));
  return found?.prices.at(-1) ?? null;
}
