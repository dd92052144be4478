import type { DescribedPlan } from '../../changes/last-plan.js';
import { GatewayError } from '../../errors.js';
import { type AdminApi, changeOver, withAdminApi } from '../admin-api.js';
import { printActivation } from '../daemon/activate.js';
import { type DatabaseFlags, interruptibly } from '../database/connection.js';
import { CliError, errorMessage, usageError } from '../failure.js';
import { print, printJson } from '../output.js';
import { withProgress } from '../progress.js';
import { askYes, canAsk } from '../prompt.js';
import { type DocumentFile, documentError, readDocumentFile } from './config-document.js';
import { printPlan } from './config-plan-view.js';
import { printReplay, type ShownReplay } from './config-replay-view.js';

export interface PlanFlags extends DatabaseFlags {
  prune?: boolean;
  exitCode?: boolean;
  replay?: string;
}

export interface ApplyFlags extends DatabaseFlags {
  prune?: boolean;
  message?: string;
  base?: number;
  yes?: boolean;
}

/** The exit code for changes with `--exit-code`. */
const changesExitCode = 3;

/** Shows the changes that a document would make. */
export async function planConfig(file: string, flags: PlanFlags): Promise<void> {
  const { source, text } = await readDocumentFile(file);
  const { replay } = flags;
  const target = { document: text, prune: flags.prune === true };
  const work = () =>
    withAdminApi(flags, 'read', (api) =>
      makePlan(api, { ...target, ...(replay !== undefined && { replay }) }, source),
    );
  const described: DescribedPlan & { replay?: ShownReplay } =
    replay === undefined ? await work() : await withProgress('replaying', flags.json, work);
  if (flags.json) printJson(described);
  else {
    printPlan(described);
    if (described.replay) printReplay(described.replay);
  }
  if (flags.exitCode && described.changes.length > 0) process.exitCode = changesExitCode;
}

/** Shows the changes of a document, asks, and applies them. */
export async function applyConfig(file: string, flags: ApplyFlags): Promise<void> {
  const document = await readDocumentFile(file);
  await applyDocument(flags, flags.message, async () => document);
}

/**
 * Shows the changes of a document, asks, and applies them.
 * @param message reason for the history.
 * @param write returns the document and its name for messages.
 */
export async function applyDocument(
  flags: ApplyFlags,
  message: string | undefined,
  write: (api: AdminApi) => Promise<DocumentFile>,
): Promise<void> {
  await carryOut(flags, '/config/apply', message, async (api) => {
    const { source, text } = await write(api);
    return { source, target: { document: text, prune: flags.prune === true } };
  });
}

/** Shows the changes of a rollback to a version, asks, and applies them. */
export async function rollbackConfig(version: number, flags: ApplyFlags): Promise<void> {
  await carryOut(flags, '/config/rollback', flags.message, async () => ({
    source: '',
    target: { version },
  }));
}

/** Fields of a request that define the future rows. */
type Target = { document: string; prune: boolean; replay?: string } | { version: number };

async function carryOut(
  flags: ApplyFlags,
  path: string,
  message: string | undefined,
  choose: (api: AdminApi) => Promise<{ source: string; target: Target }>,
): Promise<void> {
  const { result, activation } = await changeOver(flags, async (api) => {
    const { source, target } = await choose(api);
    const described = await withProgress('comparing with what is there', flags.json, () =>
      makePlan(api, target, source),
    );
    const { version } = described;
    if (flags.base !== undefined && flags.base !== version) {
      throw new CliError(`the configuration is at version ${version}, not ${flags.base}`, {
        hint: 'see what has changed with: llmproxy config history',
      });
    }
    if (!flags.json) printPlan(described);
    if (described.changes.length === 0) return { ...described, applied: false };
    await confirm(flags, described);
    const body = { ...target, base_version: version, ...(message !== undefined && { message }) };
    return await withProgress('applying', flags.json, () =>
      api.ask<Applied>('POST', path, body).catch(explainConflict),
    );
  });
  if (!result.applied) {
    if (flags.json) printJson(result);
    return;
  }
  if (flags.json) printJson({ ...result, activation });
  else print(`applied version ${result.version}`);
  printActivation(activation, flags.json);
}

type Applied = DescribedPlan & { applied: boolean };

/**
 * Asks for a plan.
 * @param source the document's name, for messages.
 * @throws CliError with the problems of the document, or of the configuration that it would make.
 */
async function makePlan(api: AdminApi, target: Target, source: string): Promise<DescribedPlan> {
  try {
    return await interruptibly(() => api.ask<DescribedPlan>('POST', '/config/plan', target));
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    if (error.problems) throw documentError(source, error.problems);
    if (error.code === 'invalid_configuration') {
      const reason = error.message.replace(/^.*?could not be used: /, '');
      throw new CliError(
        `with these changes, the daemon could not use the configuration\n${reason}`,
      );
    }
    if (error.code !== 'not_found') throw error;
    throw new CliError(errorMessage(error), { hint: 'see them with: llmproxy config history' });
  }
}

function explainConflict(error: unknown): never {
  if (!(error instanceof GatewayError) || error.code !== 'conflict') throw error;
  throw new CliError(errorMessage(error), { hint: 'look at the new plan, then apply it' });
}

async function confirm(flags: ApplyFlags, { changes }: DescribedPlan): Promise<void> {
  if (flags.yes) return;
  if (!canAsk(flags.json)) {
    throw usageError('cannot ask for confirmation here', 'add --yes');
  }
  print('');
  const what = changes.length === 1 ? 'this change' : `these ${changes.length} changes`;
  if (!(await askYes(`Apply ${what}?`))) throw new CliError('nothing was applied');
}
