import { Command, Option } from 'commander';
import { type Guardrail, type Phase, phases } from '../../config/rows/guardrail.js';
import { withAdminApi } from '../admin-api.js';
import { addGatewayOptions, type DatabaseFlags } from '../database/connection.js';
import { usageError } from '../failure.js';
import { namedRows } from '../named-rows.js';
import { note, printFields, printJson, printTable } from '../output.js';
import { selectorsText } from '../spend/selectors.js';
import { addGuardrailOptions, type GuardrailFlags, guardrailFrom } from './guardrail-flags.js';

type GuardrailRow = Guardrail & { id: number };

const rows = namedRows<GuardrailRow>('guardrail', '/guardrails');

/** `llmproxy guardrails …`: checks of the texts in requests and answers. */
export function guardrailsCommand(): Command {
  const command = new Command('guardrails').alias('guardrail').description('manage guardrails');
  command.addCommand(
    addGuardrailOptions(new Command('add').alias('create'))
      .description('add a guardrail')
      .argument('<name>')
      .addHelpText(
        'after',
        `
It checks the requests that match all of --key, --team and --model; with none of
them, every request.

Examples:
  $ llmproxy guardrails add no-pii --kind pii --entities email,card --restore
  $ llmproxy guardrails add secret-project --kind regex \\
      --pattern "project=(?i)project[- ]x" --mode monitor
  $ llmproxy guardrails add ours --kind webhook \\
      --webhook https://guard.example/check --secret-env GUARD_SECRET \\
      --timeout-ms 500 --on-error closed --team chat
  $ llmproxy guardrails add harm --kind moderation \\
      --moderation-model omni-moderation-latest
  $ llmproxy guardrails add tools --kind schema --allowed-tools "get_*" \\
      --phases request
  $ llmproxy guardrails add short --kind size --max-prompt-chars 20000`,
      )
      .action(add),
  );
  command.addCommand(
    addGatewayOptions(new Command('list').alias('ls'))
      .description('list the guardrails')
      .addHelpText('after', '\nExample:\n  $ llmproxy guardrails list --json')
      .action(list),
  );
  command.addCommand(
    addGatewayOptions(new Command('show').alias('get'))
      .description('show a guardrail')
      .argument('<id|name>')
      .addHelpText('after', '\nExample:\n  $ llmproxy guardrails show no-pii')
      .action(show),
  );
  command.addCommand(
    addGuardrailOptions(new Command('edit').alias('update'))
      .description('change the given fields of a guardrail')
      .argument('<id|name>')
      .addHelpText(
        'after',
        `
Settings that are not given stay as they are.

Examples:
  $ llmproxy guardrails edit secret-project --mode enforce
  $ llmproxy guardrails edit no-pii --disabled`,
      )
      .action(edit),
  );
  command.addCommand(
    addGatewayOptions(new Command('delete').aliases(['rm', 'remove']))
      .description('delete a guardrail')
      .argument('<id|name>')
      .option('--yes', 'do not ask')
      .addHelpText('after', '\nExample:\n  $ llmproxy guardrails delete no-pii --yes')
      .action(rows.remove),
  );
  command.addCommand(
    addGatewayOptions(new Command('test'))
      .description('test a guardrail with a text')
      .argument('<id|name>')
      .argument('<text>')
      .addOption(
        new Option('--phase <phase>', 'as a prompt or as an answer')
          .choices(phases)
          .default('request'),
      )
      .addHelpText(
        'after',
        '\nExample:\n  $ llmproxy guardrails test no-pii "write to alice@example.com"',
      )
      .action(test),
  );
  return command.addHelpText('after', '\nExample:\n  $ llmproxy guardrails list');
}

async function add(name: string, flags: GuardrailFlags): Promise<void> {
  if (flags.kind === undefined) throw usageError('--kind is missing');
  const guardrail = guardrailFrom(flags, null);
  if (flags.kind === 'webhook' && guardrail.config?.url === undefined) {
    throw usageError('--webhook is missing', 'for example: --webhook https://guard.example/check');
  }
  await rows.create({ name, ...guardrail }, 'added', flags);
}

async function list(flags: DatabaseFlags): Promise<void> {
  const { guardrails } = await withAdminApi(flags, 'read', (api) =>
    api.ask<{ guardrails: GuardrailRow[] }>('GET', '/guardrails'),
  );
  if (flags.json) return printJson(guardrails);
  if (guardrails.length === 0) {
    return note('no guardrails yet; add one: llmproxy guardrails add --help');
  }
  printTable(guardrails, [
    { header: 'NAME', value: (row) => row.name, shrinkTo: 12 },
    { header: 'KIND', value: (row) => row.kind },
    { header: 'MODE', value: (row) => (row.is_enabled ? row.mode : 'disabled') },
    { header: 'CHECKS', value: (row) => row.phases.join(', ') },
    { header: 'OF', value: (row) => selectorsText(row.applies_to), shrinkTo: 12 },
    { header: 'ON ERROR', value: (row) => row.on_error },
  ]);
}

async function show(ref: string, flags: DatabaseFlags): Promise<void> {
  const row = await withAdminApi(flags, 'read', (api) => rows.existing(api, ref));
  if (flags.json) return printJson(row);
  printFields([
    ['name', row.name],
    ['id', String(row.id)],
    ['status', row.is_enabled ? 'enabled' : 'disabled'],
    ['kind', row.kind],
    ['mode', row.mode],
    ['on error', row.on_error],
    ['checks', row.phases.join(', ')],
    ['of', selectorsText(row.applies_to)],
    ...Object.entries(row.config).map(
      ([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)] as const,
    ),
  ]);
}

async function edit(ref: string, flags: GuardrailFlags): Promise<void> {
  await rows.update(ref, ({ config }) => guardrailFrom(flags, config), flags);
}

/** The admin API's answer to a test. */
interface TestAnswer {
  verdict: string;
  found: string[];
  text: string | null;
  refusal: string | null;
}

async function test(
  ref: string,
  text: string,
  flags: DatabaseFlags & { phase: Phase },
): Promise<void> {
  const answer = await withAdminApi(flags, 'read', (api) =>
    api.ask<TestAnswer>('POST', `${rows.pathOf(ref)}/test`, { text, phase: flags.phase }),
  );
  if (flags.json) return printJson(answer);
  printFields([
    ['verdict', answer.verdict.replace('_', ' ')],
    ['found', answer.found.join(', ') || 'nothing'],
    answer.text === null ? ['refusal', answer.refusal ?? ''] : ['text', answer.text],
  ]);
}
