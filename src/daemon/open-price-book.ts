import { mergeConfiguration } from '../config/merge.js';
import { parseOverride } from '../config/overrides.js';
import { ConfigError, type Problem } from '../config/problem.js';
import type { Sql } from '../db/client.js';
import { readConfiguration } from '../db/queries/configuration/read-configuration.js';
import { PriceSheets } from '../pricing/price-sheets.js';
import { readOverrideFiles } from './follow/override-files.js';
import { PriceBook } from './price-book.js';

/**
 * The prices of the stored configuration with its override files, for a command.
 * @throws ConfigError where the two make no valid one.
 */
export async function openPriceBook(sql: Sql, overridesDir: string): Promise<PriceBook> {
  const [rows, files] = await Promise.all([
    readConfiguration(sql),
    readOverrideFiles(overridesDir),
  ]);
  const problems: Problem[] = [];
  const overrides = files.map((file) => parseOverride(file, problems));
  if (problems.length > 0) throw new ConfigError(problems);
  const { providers, prices = [] } = mergeConfiguration(rows, overrides);
  const book = new PriceBook();
  book.configured(new PriceSheets().attach(providers, prices));
  return book;
}
