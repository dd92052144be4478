import { Command } from 'commander';
import type { Imported } from '../../config/import/imported.js';
import type { Problem } from '../../config/problem.js';
import { writeYaml } from '../../config/yaml/write-yaml.js';
import { visible } from '../../observe/visible.js';
import { addGatewayOptions } from '../database/connection.js';
import { CliError, usageError } from '../failure.js';
import { note, print, warn } from '../output.js';
import { withProgress } from '../progress.js';
import { type ApplyFlags, applyDocument } from './config-apply.js';
import { readDocumentFile } from './config-document.js';

type ImportFlags = ApplyFlags & { dryRun?: boolean };

/** `llmproxy import …`: imports the configuration of another gateway. */
export function importCommand(): Command {
  const command = new Command('import').description('import the configuration of another gateway');
  command.addCommand(
    addImportOptions(addGatewayOptions(new Command('litellm')))
      .description('from the config.yaml of a LiteLLM proxy')
      .argument('<file>', 'its config.yaml; - is standard input')
      .addHelpText(
        'after',
        `
Shows the plan and asks. Keys written as os.environ/NAME become env:NAME: the
gateway needs the same variables.

Examples:
  $ llmproxy import litellm config.yaml --dry-run > gateway.yaml
  $ llmproxy import litellm config.yaml --yes`,
      )
      .action(importLitellmFile),
  );
  command.addCommand(
    addImportOptions(new Command('seed'))
      .description('from the database of the Python llm-proxy')
      .requiredOption('--db-url <url>', 'its database; only read')
      .option('--data-dir <path>', 'of the gateway to import into (LLMPROXY_DATA_DIR)')
      .option('--config <file>', 'its settings file in YAML (LLMPROXY_CONFIG)')
      .option('--json', 'print JSON')
      .addHelpText(
        'after',
        `
Shows the plan and asks. Clients keep their keys, because the hashes are copied.
The target is the database in the settings. To use the database of the Python
llm-proxy itself, set DB_URL and run: llmproxy migrate up

Example:
  $ llmproxy import seed --db-url postgres://user@old-host/llm_proxy`,
      )
      .action(importSeedDatabase),
  );
  return command.addHelpText(
    'after',
    '\nExample:\n  $ llmproxy import litellm config.yaml --dry-run',
  );
}

function addImportOptions(command: Command): Command {
  return command
    .option('--dry-run', 'print the document, with variables for secrets, and change nothing')
    .option('--message <why>', 'reason, for the history')
    .option('--yes', 'do not ask');
}

async function importLitellmFile(file: string, flags: ImportFlags): Promise<void> {
  const [{ parseYaml }, { importLitellm }] = await Promise.all([
    import('../../config/yaml/parse-yaml.js'),
    import('../../config/import/litellm.js'),
  ]);
  const { source, text } = await readDocumentFile(file, 'name the config.yaml of LiteLLM');
  const problems: Problem[] = [];
  const config = parseYaml(source, text, problems);
  const [problem] = problems;
  if (problem) throw new CliError(`${source}: ${problem.path}: ${problem.reason}`);
  await take(importLitellm(config, process.env), `LiteLLM (${source})`, flags);
}

async function importSeedDatabase({
  dbUrl,
  ...flags
}: ImportFlags & { dbUrl: string }): Promise<void> {
  const [{ checkServer, connect, describeDbUrl }, { readSeed }, { importSeed }, { loadSettings }] =
    await Promise.all([
      import('../../db/client.js'),
      import('../../db/queries/configuration/read-seed.js'),
      import('../../config/import/seed.js'),
      import('../../config/settings/settings.js'),
    ]);
  const { toDatabaseError } = await import('../../db/explain-error.js');
  const own = loadSettings(flags.config === undefined ? {} : { config: flags.config }).database.url;
  if (own === dbUrl) {
    throw usageError(
      '--db-url: this is the database of the gateway itself',
      'to continue with it, run: llmproxy migrate up',
    );
  }
  const sql = connect(dbUrl, { max: 1, applicationName: 'llmproxy import' });
  try {
    await checkServer(sql, dbUrl);
    const rows = await withProgress('reading the database', flags.json, () => readSeed(sql)).catch(
      (error: unknown) => {
        throw toDatabaseError(error, dbUrl);
      },
    );
    await take(importSeed(rows), `the database ${describeDbUrl(dbUrl)}`, flags);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Prints the imported document, or shows its plan, asks, and applies it. */
async function take(read: Imported, from: string, flags: ImportFlags): Promise<void> {
  const {
    documentText,
    shownDocument,
    storedKeys,
    withFreeNames,
    withoutSecrets,
    withoutUnusable,
  } = await import('../../config/import/imported.js');
  const usable = withoutUnusable(read);
  const imported = flags.dryRun ? withoutSecrets(usable) : usable;
  tellNotes(imported, flags);
  if (flags.dryRun) {
    print(shownDocument(imported, `Imported from ${from}.`).trimEnd());
    return;
  }
  await applyDocument(flags, flags.message ?? `imported from ${from}`, async (api) => {
    const stored = storedKeys(await api.text('/config/export'));
    return { source: from, text: documentText(withFreeNames(imported, stored)) };
  });
}

/** Writes to standard error: standard output is for the document or the plan. */
function tellNotes({ notes, settings }: Imported, { json }: ImportFlags): void {
  for (const text of notes) warn(visible(text), json);
  if (Object.keys(settings).length === 0) return;
  if (json) warn(`for the settings file: ${JSON.stringify(settings)}`, json);
  else
    note(
      `\nFor the settings file (config/llmproxy.yaml), if you want the same:\n\n${writeYaml(settings)}`,
    );
}
