import { Command, Option } from 'commander';
import type { ModelExplanation } from '../../admin/explain/explain-model.js';
import type { RequestExplanation } from '../../admin/explain/request-explanation.js';
import type { RequestBodies } from '../../db/queries/requests/list-requests.js';
import { modelEndpoints } from '../../dialects/endpoints.js';
import { visible } from '../../observe/visible.js';
import { NoDaemonError, openGateway } from '../daemon/ask-daemon.js';
import { addGatewayOptions, type DatabaseFlags, withDatabase } from '../database/connection.js';
import { CliError, usageError } from '../failure.js';
import { note, print, printJson } from '../output.js';
import { printCost } from './cost-view.js';
import { type KeyNow, printModelExplanation, printRequestExplanation } from './explain-view.js';

interface ExplainFlags extends DatabaseFlags {
  model?: string;
  key?: string;
  cost?: boolean;
  bodies?: boolean;
  endpoint?: string;
}

/** `llmproxy explain`: explains the routing of a past or possible request. */
export function explainCommand(): Command {
  return addGatewayOptions(
    new Command('explain')
      .description('explain where a request went, or would go')
      .argument('[request-id]', "the answer's x-request-id")
      .option('--cost', 'show its cost, class by class')
      .option('--bodies', 'print the stored bodies of the request and its answer')
      .option('--model <model>', 'explain a request for this model, without sending it')
      .option('--key <name>', 'with --model: as this key, by name or id')
      .addOption(
        new Option(
          '--endpoint <path>',
          'with --model: at this endpoint, such as /v1/messages',
        ).choices(modelEndpoints.map(({ pattern }) => pattern)),
      ),
  )
    .addHelpText(
      'after',
      `
The gateway remembers its last 10,000 requests with each attempt, but no
prompts or answers. For older ones only the row of request_logs is shown.
Bodies are stored for keys with --store-bodies; with --gateway, --bodies needs
the role admin.

Examples:
  $ llmproxy explain 0190c2a4-7d0e-7bb4-9f0e-2f1d3c5b7a90
  $ llmproxy explain --cost 0190c2a4-7d0e-7bb4-9f0e-2f1d3c5b7a90
  $ llmproxy explain --model gpt-4o --key alice
  $ llmproxy explain --model gpt-4o --endpoint /v1/messages`,
    )
    .action(run);
}

async function run(id: string | undefined, flags: ExplainFlags): Promise<void> {
  if ((id === undefined) === (flags.model === undefined)) {
    throw usageError(
      'name the request to explain, or a model with --model',
      'for example: llmproxy explain --model gpt-4o --key alice',
    );
  }
  for (const only of ['cost', 'bodies'] as const) {
    if (flags[only] && flags.model !== undefined)
      throw usageError(`--${only} is for a past request`);
  }
  for (const only of ['key', 'endpoint'] as const) {
    if (flags[only] !== undefined && flags.model === undefined) {
      throw usageError(`--${only} is only for --model`);
    }
  }
  const ask = await openGateway(flags, flags.json);
  if (flags.model !== undefined) {
    const query = new URLSearchParams({ model: flags.model });
    if (flags.key !== undefined) query.set('key', flags.key);
    if (flags.endpoint !== undefined) query.set('endpoint', flags.endpoint);
    const body = await ask(`/admin/v1/explain?${query}`);
    if (flags.json) printJson(body);
    else {
      printModelExplanation(
        body as ModelExplanation & { key: KeyNow | null; config_version: number },
      );
    }
    return;
  }
  const requestId = id ?? '';
  if (flags.bodies) {
    tellBodies(await bodiesOf(requestId, ask, flags), flags);
    return;
  }
  try {
    const path = `/admin/v1/requests/explanation?${named(requestId)}`;
    tell((await ask(path)) as RequestExplanation, flags);
  } catch (error) {
    if (!(error instanceof NoDaemonError)) throw error;
    tell(await fromDatabase(requestId, flags), flags);
  }
}

function tell(explanation: RequestExplanation, { json, cost }: ExplainFlags): void {
  if (json) printJson(explanation);
  else if (cost) printCost(explanation);
  else printRequestExplanation(explanation);
}

function tellBodies(bodies: RequestBodies, { json }: ExplainFlags): void {
  if (json) {
    printJson(bodies);
    return;
  }
  const { request_body: sent, response_body: answered } = bodies;
  if (sent === null && answered === null) {
    note('no bodies are stored; for later ones: llmproxy keys update NAME --store-bodies');
  }
  for (const body of [sent, answered]) {
    if (body !== null) print(body.split('\n').map(visible).join('\n'));
  }
}

async function bodiesOf(
  id: string,
  ask: (path: string) => Promise<unknown>,
  flags: ExplainFlags,
): Promise<RequestBodies> {
  try {
    const path = `/admin/v1/requests/bodies?${named(id)}`;
    return (await ask(path)) as RequestBodies;
  } catch (error) {
    if (!(error instanceof NoDaemonError)) throw error;
  }
  const { findRequestBodies } = await import('../../db/queries/requests/list-requests.js');
  const found = await withDatabase(flags, 'read', (sql) => findRequestBodies(sql, id));
  return found ?? unknown(id);
}

async function fromDatabase(id: string, flags: ExplainFlags): Promise<RequestExplanation> {
  const [{ findRequestLog }, { findPrice }, { explainRow }] = await Promise.all([
    import('../../db/queries/requests/list-requests.js'),
    import('../../db/queries/configuration/price-revisions.js'),
    import('../../admin/explain/explain-request.js'),
  ]);
  const found = await withDatabase(flags, 'read', async (sql) => {
    const row = await findRequestLog(sql, id);
    return row && { row, price: await findPrice(sql, row.price_revision) };
  });
  if (found) return explainRow(found.row, found.price);
  return unknown(id);
}

/** A path could not hold every id that a client may choose. */
function named(id: string): string {
  return String(new URLSearchParams({ request_id: id }));
}

function unknown(id: string): never {
  throw new CliError(`no request with the id "${id}" is known`, {
    hint: 'no daemon runs here, so only stored requests can be found',
  });
}
