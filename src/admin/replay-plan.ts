import { setImmediate as turn } from 'node:timers/promises';
import type { ChangeControl } from '../changes/change-control.js';
import { documentTimeoutMs } from '../changes/documents.js';
import { secretless } from '../changes/plan-secrets.js';
import { query } from '../changes/query.js';
import type { Configuration } from '../config/configuration.js';
import type { Plan } from '../config/documents/plan.js';
import { mergeConfiguration } from '../config/merge.js';
import { type Override, parseOverride } from '../config/overrides.js';
import type { Sql } from '../db/client.js';
import { replayedRows, sumCost } from '../db/queries/requests/replayed-rows.js';
import { ReportError } from '../db/report.js';
import { windowOf } from '../limits/budget-lease.js';
import { PriceSheets } from '../pricing/price-sheets.js';
import { Replay, type ReplayReport } from '../replay/replay.js';
import { budgetKey } from '../routing/budgets.js';
import { routedConfiguration } from '../routing/plan-effect.js';
import { buildSnapshot, type Snapshot } from '../routing/snapshot.js';

/** A replay that takes longer ends early, and says so. */
const maxReplayMs = 90_000;
/** Rows replayed before the event loop has a turn. */
const rowsInTurn = 250;

export interface PlanReplay extends ReplayReport {
  since: Date;
  until: Date;
  /** False where it ended early. */
  complete: boolean;
}

/**
 * Replays the stored requests since a time under the configuration that a plan makes, with the
 * override files of this machine. Reads them in parts, so it takes little memory.
 * @throws GatewayError `unavailable` while the database is away.
 */
export async function replayPlan(
  control: ChangeControl,
  plan: Plan,
  since: Date,
): Promise<PlanReplay> {
  const overrides = (await control.readOverrides()).map((file) => parseOverride(file, []));
  const sheets = new PriceSheets();
  const compiled = (rows: Configuration) => compile(control, rows, overrides, sheets);
  const live = await compiled(routedConfiguration(plan.base));
  const candidate = await compiled(routedConfiguration(plan.after));
  const work = async (sql: Sql): Promise<PlanReplay> => {
    const until = new Date();
    const spent = await spentBefore(sql, candidate.configuration, since);
    const replay = new Replay({
      live: live.snapshot,
      candidate: candidate.snapshot,
      settings: control.settings,
      spentBefore: (key, windowStart) => spent.sums.get(`${key}@${windowStart}`) ?? 0,
    });
    const startMs = performance.now();
    let endedAt: Date | null = null;
    const parts = replayedRows(sql, since, until);
    // The server reads the next part while this one is replayed.
    for (let next = parts.next(); ; ) {
      const { value: rows, done } = await next;
      if (done) break;
      const isLate = performance.now() - startMs >= maxReplayMs;
      if (!isLate) {
        next = parts.next();
        // Its failure is seen once it is awaited, which may be turns later.
        next.catch(() => {});
      }
      let lastMs = 0;
      let added = 0;
      for (const row of rows) {
        replay.add(row);
        lastMs = row.started_ms;
        // Without a turn, the next part would be asked for only after this one.
        if (++added % rowsInTurn === 0) await turn();
      }
      if (!isLate) continue;
      endedAt = new Date(lastMs);
      await parts.return(undefined);
      break;
    }
    const report = replay.report();
    const unknown = [...spent.unknown, ...report.unknown];
    return { since, until: endedAt ?? until, complete: endedAt === null, ...report, unknown };
  };
  return await query(control, work, documentTimeoutMs);
}

/** Compiles a plan as the daemon would: providers whose secrets it cannot use count as disabled. */
async function compile(
  { secrets, settings }: ChangeControl,
  rows: Configuration,
  overrides: readonly Override[],
  sheets: PriceSheets,
): Promise<{ configuration: Configuration; snapshot: Snapshot }> {
  const { private_addresses } = settings.upstream;
  const merged = mergeConfiguration(rows, overrides, private_addresses);
  const unusable = await secretless(merged.providers, secrets);
  const usable = merged.providers.filter((provider) => !unusable.has(provider));
  const configuration = { ...merged, providers: sheets.attach(usable, merged.prices ?? []) };
  return { configuration, snapshot: buildSnapshot(configuration, '') };
}

/** Spend of budgets whose windows began before the period, from the rows that are kept. */
async function spentBefore(
  sql: Sql,
  { budgets = [] }: Configuration,
  since: Date,
): Promise<{ sums: Map<string, number>; unknown: string[] }> {
  const sums = new Map<string, number>();
  const unknown: string[] = [];
  for (const { id = null, name, window, applies_to, is_enabled } of budgets) {
    const { startMs } = windowOf(window, since.getTime());
    if (!is_enabled || startMs >= since.getTime()) continue;
    try {
      if (applies_to.model?.startsWith('/')) throw new ReportError('its model is a pattern');
      const filter = { since: new Date(startMs), until: since, ...applies_to };
      sums.set(`${budgetKey({ id, name })}@${startMs}`, await sumCost(sql, filter));
    } catch (error) {
      if (!(error instanceof ReportError)) throw error;
      unknown.push(
        `What the budget "${name}" had spent before the period: ${error.message}, so it begins at nothing.`,
      );
    }
  }
  return { sums, unknown };
}
