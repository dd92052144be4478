import { Command } from 'commander';
import { sectionNames } from '../../config/documents/kinds.js';
import { wholeNumber } from '../arguments.js';
import { addGatewayOptions } from '../database/connection.js';
import { usageError } from '../failure.js';
import { applyConfig, planConfig, rollbackConfig } from './config-apply.js';
import {
  exportConfig,
  printSchema,
  showConfig,
  showHistory,
  validateConfig,
} from './config-show.js';

/** `llmproxy config …`: providers and keys as one document, and their versions. */
export function configCommand(): Command {
  const command = new Command('config').description('plan, apply and roll back the configuration');
  command.addCommand(
    addGatewayOptions(new Command('export'))
      .description('write the configuration as one document in YAML')
      .option('--sections <a,b>', `only these of ${sectionNames.join(', ')}`, sections)
      .addHelpText(
        'after',
        `
Keys appear as hashes; secrets as references, or as "keep", which leaves them
unchanged.

Examples:
  $ llmproxy config export > gateway.yaml
  $ llmproxy config export --sections providers,teams > routing.yaml
  $ llmproxy config export --json | jq '.providers | keys'`,
      )
      .action(exportConfig),
  );
  command.addCommand(
    new Command('validate')
      .description('check a document, without a database or a daemon')
      .argument('<file>', 'the document; - is standard input')
      .option('--json', 'print JSON')
      .addHelpText('after', '\nExample:\n  $ llmproxy config validate gateway.yaml')
      .action(validateConfig),
  );
  command.addCommand(
    addPrune(addGatewayOptions(new Command('plan')))
      .option('--exit-code', 'exit with 3 if there are changes')
      .option('--replay <time>', 'replay the requests since then: an age (7d) or a time')
      .description('show the changes of a document and their effect')
      .argument('<file>', 'the document; - is standard input')
      .addHelpText(
        'after',
        `
Changes nothing. Exit codes: 0; 1 if the document cannot be applied; with
--exit-code, 3 if there are changes. --replay shows what the planned
configuration would have done with the stored requests: which would go
elsewhere, be refused, and what all would cost.

Examples:
  $ llmproxy config plan gateway.yaml
  $ llmproxy config plan gateway.yaml --replay 7d
  $ llmproxy config plan gateway.yaml --prune --exit-code`,
      )
      .action(planConfig),
  );
  command.addCommand(
    addApplyOptions(addPrune(addGatewayOptions(new Command('apply'))))
      .description('apply a document to providers and keys')
      .argument('<file>', 'the document; - is standard input')
      .addHelpText(
        'after',
        `
Shows the plan, asks, and applies it in one transaction, or not at all if
somebody has made changes in the meantime. Everything that the document does
not name stays, unless --prune is given.

Examples:
  $ llmproxy config apply gateway.yaml --message "add the second region"
  $ llmproxy config apply gateway.yaml --prune --yes --base 42`,
      )
      .action(applyConfig),
  );
  command.addCommand(
    addGatewayOptions(new Command('history'))
      .description('list the versions with author, time, changes and reason')
      .option('--limit <n>', 'maximum number of versions', wholeNumber('--limit', 1, 1_000), 20)
      .addHelpText('after', '\nExample:\n  $ llmproxy config history --limit 50')
      .action(showHistory),
  );
  command.addCommand(
    addGatewayOptions(new Command('show').option('--origin', 'show the source of each value'))
      .description('show the configuration, or that of a version')
      .argument('[version]', 'as config history lists it', wholeNumber('the version', 0))
      .addHelpText(
        'after',
        `
--origin shows the settings of the daemon, and the fields of providers and keys
merged with the override files of this machine.

Examples:
  $ llmproxy config show 41
  $ llmproxy config show --origin`,
      )
      .action(showConfig),
  );
  command.addCommand(
    addApplyOptions(addGatewayOptions(new Command('rollback')))
      .description('restore an earlier version as a new version')
      .argument('<version>', 'as config history lists it', wholeNumber('the version', 0))
      .addHelpText(
        'after',
        `
Deleted keys return with their hashes, and providers with their secrets.

Example:
  $ llmproxy config rollback 41 --message "the new region is down"`,
      )
      .action(rollbackConfig),
  );
  command.addCommand(
    new Command('schema')
      .description('print the JSON Schema of the document, for editors')
      .option('--json', 'no effect: the output is always JSON')
      .addHelpText('after', '\nExample:\n  $ llmproxy config schema > llmproxy.schema.json')
      .action(printSchema),
  );
  return command.addHelpText(
    'after',
    `
Examples:
  $ llmproxy config export > gateway.yaml
  $ llmproxy config plan gateway.yaml
  $ llmproxy config history`,
  );
}

function addPrune(command: Command): Command {
  return command.option('--prune', 'remove providers and keys that are not in the document');
}

function addApplyOptions(command: Command): Command {
  return command
    .option('--message <why>', 'reason, for the history')
    .option('--base <version>', 'apply only if this is still the version', wholeNumber('--base'))
    .option('--yes', 'do not ask');
}

function sections(text: string): string {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !sectionNames.some((section) => section === name));
  if (unknown === undefined) return names.join(',');
  throw usageError(`--sections: "${unknown}" is not one of ${sectionNames.join(', ')}`);
}
