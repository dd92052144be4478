import type { DescribedPlan } from '../../admin/lifecycle/make-plan.js';
import type { Plan } from '../../config/plan.js';
import type { Settings } from '../../config/settings.js';
import type { ChangeSource } from '../../db/author.js';
import type { Sql } from '../../db/client.js';
import { cliActor } from '../actor.js';
import { activate, printActivation } from '../daemon/activate.js';
import { type DatabaseFlags, interruptibly, withDatabase } from '../database/connection.js';
import { CliError, usageError } from '../failure.js';
import { print, printJson } from '../output.js';
import { withProgress } from '../progress.js';
import { askYes, canAsk } from '../prompt.js';
import { openSecrets } from '../provider/provider-secrets.js';
import { documentError, readDocumentFile } from './config-document.js';
import { printPlan } from './config-plan-view.js';

export interface PlanFlags extends DatabaseFlags {
  prune?: boolean;
  exitCode?: boolean;
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
  const document = await readDocumentFile(file);
  const described = await withDatabase(flags, 'read', (sql, settings) =>
    interruptibly(async () => {
      const { describePlan } = await import('../../admin/lifecycle/make-plan.js');
      const plan = await planned(sql, settings, document, flags.prune === true);
      await refuseUnusable(settings, plan);
      return await describePlan(plan, await openSecrets(settings));
    }),
  );
  if (flags.json) printJson(described);
  else printPlan(described);
  if (flags.exitCode && described.changes.length > 0) process.exitCode = changesExitCode;
}

/** Shows the changes of a document, asks, and applies them. */
export async function applyConfig(file: string, flags: ApplyFlags): Promise<void> {
  const document = await readDocumentFile(file);
  await carryOut(flags, 'apply', flags.message ?? null, (sql, settings) =>
    planned(sql, settings, document, flags.prune === true),
  );
}

/** Shows the changes of a rollback to a version, asks, and applies them. */
export async function rollbackConfig(version: number, flags: ApplyFlags): Promise<void> {
  const message = flags.message ?? `back to version ${version}`;
  await carryOut(flags, 'rollback', message, async (sql) => {
    const { planRollback } = await import('../../admin/lifecycle/make-plan.js');
    const { plan, kept } = await planRollback(sql, version);
    if (plan) return plan;
    throw new CliError(
      `there is no version ${version}: those from ${kept.oldest} to ${kept.newest} are kept`,
      { hint: 'see them with: llmproxy config history' },
    );
  });
}

/** Shows a plan, asks, and applies it in one transaction. */
export async function carryOut(
  flags: ApplyFlags,
  source: ChangeSource,
  message: string | null,
  makePlan: (sql: Sql, settings: Settings) => Promise<Plan>,
): Promise<void> {
  const done = await withDatabase(flags, 'ready', async (sql, settings) => {
    const { describePlan, commitPlan } = await import('../../admin/lifecycle/make-plan.js');
    const { BaseChangedError } = await import('../../db/queries/apply-changes.js');
    const { plan, described } = await withProgress('comparing with what is there', flags.json, () =>
      interruptibly(async () => {
        const made = await makePlan(sql, settings);
        return { plan: made, described: await describePlan(made, await openSecrets(settings)) };
      }),
    );
    const { version } = plan.base;
    if (flags.base !== undefined && flags.base !== version) {
      throw new CliError(`the configuration is at version ${version}, not ${flags.base}`, {
        hint: 'see what has changed with: llmproxy config history',
      });
    }
    if (!flags.json) printPlan(described);
    if (plan.changes.length === 0) return { described, version: null, settings };
    await interruptibly(() => refuseUnusable(settings, plan));
    await confirm(flags, described);
    const author = { actor: cliActor(), source, message };
    try {
      const secrets = await openSecrets(settings);
      const applied = await withProgress('applying', flags.json, () =>
        commitPlan(sql, plan, author, secrets),
      );
      return { described, version: applied, settings };
    } catch (error) {
      if (!(error instanceof BaseChangedError)) throw error;
      throw new CliError(`nothing was applied: ${error.message}`, {
        hint: 'look at the new plan, then apply it',
      });
    }
  });
  const { described, version, settings } = done;
  if (version === null) {
    if (flags.json) printJson({ ...described, applied: false });
    return;
  }
  const activation = await activate({
    dataDir: settings.data_dir,
    adminKey: settings.admin.key,
    minVersion: version,
    json: flags.json,
  });
  if (flags.json) printJson({ ...described, applied: true, version, activation });
  else print(`applied version ${version}`);
  printActivation(activation, flags.json);
}

/** Plans a document; throws CliError with its problems. */
export async function planned(
  sql: Sql,
  settings: Settings,
  { source, text }: { source: string; text: string },
  prune: boolean,
): Promise<Plan> {
  const { planText } = await import('../../admin/lifecycle/make-plan.js');
  const options = { source, text, prune };
  const { plan, problems } = await planText(sql, options, await openSecrets(settings), null);
  if (plan === null) throw documentError(problems);
  return plan;
}

/** Refuses a plan that the daemon of this machine would reject, keeping its old configuration. */
async function refuseUnusable(settings: Settings, plan: Plan): Promise<void> {
  const { unusableAfter } = await import('./config-usable.js');
  const problems = await unusableAfter(settings, plan);
  if (problems.length === 0) return;
  throw new CliError(
    `with these changes, the daemon could not use the configuration\n${problems.join('\n')}`,
  );
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
