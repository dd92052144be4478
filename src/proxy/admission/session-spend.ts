import type { SocketEndpoint } from '../../dialects/endpoint.js';
import { requestWithout } from '../../dialects/head.js';
import type { TokenUsage } from '../../dialects/usage.js';
import { costOfAnswer } from '../../pricing/charge.js';
import { maxCost } from '../../pricing/max-cost.js';
import { modelMeant } from '../../routing/model-order.js';
import type { RoutedCredential } from '../../routing/snapshot.js';
import type { Gateway } from '../gateway.js';
import type { RequestRecord } from '../record.js';
import {
  askedCost,
  budgetsOf,
  type Charged,
  isOfProvider,
  refusal,
  refusedBy,
  spendName,
  unpriced,
} from './spend.js';

/**
 * Reserves what a session has cost so far and the most that its next response can cost, in every
 * hard budget that it belongs to now. It is settled when the session ends, in the windows of its
 * start.
 * @param usage of the session so far.
 * @throws GatewayError `insufficient_quota`, `overloaded`, `unavailable`.
 */
export async function reserveNext(
  gateway: Gateway,
  credential: RoutedCredential,
  endpoint: SocketEndpoint,
  record: RequestRecord,
  usage: TokenUsage | null,
): Promise<void> {
  const { snapshot, settings, budgets } = gateway;
  const { candidate, user, tags, startedAt, model } = record;
  if (!snapshot.budgets || !candidate || model === null) return;
  const selected = { user, tags, model: modelMeant(model, settings.routing) };
  const all = budgetsOf(snapshot.budgets, credential, selected, startedAt);
  const charged = all.filter((each) => isOfProvider(each, candidate));
  const hard = charged.filter(({ budget }) => budget.isHard);
  const { dialect } = endpoint;
  const reserved = record.spend?.reserved ?? 0;
  const known = new Set(record.spend?.budgets.split('\n'));
  // Reserved before it was known which provider answers.
  const others = all.filter(
    (each) => !isOfProvider(each, candidate) && known.delete(spendName(each)),
  );
  budgets.release(refsOf(others.filter(({ budget }) => budget.isHard)), reserved);
  const note = (nano: number) => {
    const names = [...known].join('\n');
    record.spend = names === '' ? null : { budgets: names, reserved: nano, worker: 0 };
  };
  if (others.length > 0) note(reserved);
  let total = reserved;
  if (hard.length > 0) {
    const ceiling = hard.find(({ budget }) => budget.ceiling)?.budget.ceiling ?? null;
    const price = candidate.prices()?.at(startedAt) ?? ceiling;
    if (!price) throw refusal(dialect, unpriced(model, hard[0]));
    const elapsedMs = performance.now() - record.startMs;
    const spent = costOfAnswer(record.endpoint, price, usage, elapsedMs)?.cost ?? 0;
    const asked = askedCost({ request: requestWithout(model), endpoint }, settings);
    total = Math.max(reserved, spent + maxCost(price, asked, candidate.model));
  }
  const [old, added] = [true, false].map((isKnown) =>
    hard.filter((each) => known.has(spendName(each)) === isKnown),
  ) as [Charged[], Charged[]];
  await reserve(added, total);
  try {
    await reserve(old, total - reserved);
  } catch (error) {
    budgets.release(refsOf(added), total);
    throw error;
  }
  for (const each of charged) known.add(spendName(each));
  note(total);

  async function reserve(some: readonly Charged[], need: number): Promise<void> {
    if (some.length === 0 || need === 0) return;
    const refused = await budgets.reserve(refsOf(some), need, settings.limits.queue_timeout_ms);
    if (!refused) return;
    // The session's own reservation is not returned before its end.
    const isSpent = refused.reason === 'reserved' && total > refused.left;
    const reason = isSpent ? 'spent' : refused.reason;
    throw refusedBy(some[refused.place] as Charged, { ...refused, reason }, total, dialect);
  }
}

function refsOf(charged: readonly Charged[]) {
  return charged.map(({ ref }) => ref);
}
