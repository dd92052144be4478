import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type BudgetGrant, windowOf } from '../../src/limits/budget-lease.js';
import { BudgetOwner } from '../../src/limits/budget-owner.js';
import type { BudgetStore, Grant, Wanted } from '../../src/limits/budget-store.js';
import { LeasedBudgets } from '../../src/limits/leased-budgets.js';
import { until } from '../support/until.js';

/** A store in memory of one amount, for one daemon. */
class MemoryStore implements BudgetStore {
  spent = 0;
  unsettled = 0;
  isAway = false;

  async take(wanted: readonly Wanted[]): Promise<Grant[]> {
    if (this.isAway) throw new Error('away');
    return wanted.map((each) => {
      this.spent += each.spent;
      this.unsettled += each.unsettled;
      const left = each.amount - this.spent - this.unsettled;
      const held = Math.max(Math.min(left, each.want), each.lent);
      const { key, windowStart } = each;
      return { key, windowStart, held, spent: this.spent, charged: 0, alerted: 0 };
    });
  }

  async give(back: readonly Wanted[]): Promise<void> {
    await this.take(back);
  }
}

const budget = { key: '1', windowStart: 0, amount: 1_000 };

function open(t: TestContext) {
  const store = new MemoryStore();
  const workers = new Map<number, LeasedBudgets>();
  const told: string[] = [];
  const owner = new BudgetOwner({
    store,
    grant: (worker: number, grant: BudgetGrant) => workers.get(worker)?.granted(grant),
    onSynced: () => {},
    onSpent: ({ key }) => told.push(`spent ${key}`),
    onUnsettled: (key, nano) => told.push(`unsettled ${key} ${nano}`),
    onStore: (reason) => told.push(`store ${reason}`),
  });
  t.after(() => owner.close());
  const worker = (id: number) => {
    const leased = new LeasedBudgets((request) => setImmediate(() => owner.handle(id, request)));
    workers.set(id, leased);
    return leased;
  };
  const settle = (id: number, reserved: number, cost: number) =>
    owner.settle(id, [{ ...budget, reserved, cost, counts: true }], () => budget.amount);
  return { store, owner, worker, settle, told };
}

test('reserved money is not spent twice, and a request waits for money that others may return', async (t) => {
  const { store, worker, settle, told } = open(t);
  const [one, two] = [worker(1), worker(2)];
  assert.equal(await one.reserve([budget], 600, 5_000), null);
  const waiting = two.reserve([budget], 600, 5_000);
  let isDone = false;
  void Promise.resolve(waiting).then(() => {
    isDone = true;
  });
  await until('the store', () => store.spent === 0);
  assert.equal(isDone, false);
  settle(1, 600, 100);
  assert.equal(await waiting, null);
  settle(2, 600, 550);
  const refused = await two.reserve([budget], 351, 5_000);
  assert.deepEqual(refused, { place: 0, reason: 'spent', left: 350 });
  assert.deepEqual(told, ['spent 1']);
  assert.equal(await two.reserve([budget], 350, 5_000), null, 'to the last of it');
  await until('the ledger', () => store.spent === 650);
});

test('money that a worker does not use is returned, each time', async (t) => {
  const { owner, worker, settle } = open(t);
  const one = worker(1);
  for (let round = 0; round < 2; round++) {
    assert.equal(await one.reserve([budget], 5, 5_000), null);
    settle(1, 5, 0);
    assert.ok(owner.lentOf(budget.key, budget.windowStart) > 0, 'more than asked for is lent');
    await until('all is returned', () => owner.lentOf(budget.key, budget.windowStart) === 0);
  }
});

test('a worker that ends returns at once what no request has reserved', async (t) => {
  const { owner, worker } = open(t);
  const one = worker(1);
  assert.equal(await one.reserve([budget], 5, 5_000), null);
  one.close();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(owner.lentOf(budget.key, budget.windowStart), 5, 'only the reservation');
});

test('a request that waits too long is refused as reserved', async (t) => {
  const { worker } = open(t);
  assert.equal(await worker(1).reserve([budget], 900, 1_000), null);
  const refused = await worker(2).reserve([budget], 200, 1);
  assert.deepEqual(refused, { place: 0, reason: 'reserved', left: 1_000 });
});

test('the reservations of a dead worker are charged and reported', async (t) => {
  const { store, owner, worker, settle, told } = open(t);
  assert.equal(await worker(1).reserve([budget], 400, 1_000), null);
  owner.workerGone(1);
  settle(1, 100, 30);
  await until('the charge', () => store.unsettled > 0);
  assert.ok(store.unsettled >= 300 && store.unsettled <= 400, `${store.unsettled}`);
  assert.equal(told[0], `unsettled 1 ${store.unsettled}`);
});

test('nothing is admitted that the store was never asked about', async (t) => {
  const { store, worker, told } = open(t);
  store.isAway = true;
  const refused = await worker(1).reserve([budget], 1, 500);
  assert.equal(refused?.reason, 'unavailable');
  assert.deepEqual(told, ['store away']);
});

test('windows begin at 0:00 in UTC, weeks on Monday', () => {
  const at = Date.parse('2026-11-26T04:30:00Z');
  const of = (window: Parameters<typeof windowOf>[0]) => {
    const { startMs, endMs } = windowOf(window, at);
    return [new Date(startMs).toISOString(), endMs && new Date(endMs).toISOString()];
  };
  assert.deepEqual(of('day'), ['2026-11-26T00:00:00.000Z', '2026-11-27T00:00:00.000Z']);
  assert.deepEqual(of('week'), ['2026-11-23T00:00:00.000Z', '2026-11-30T00:00:00.000Z']);
  assert.deepEqual(of('month'), ['2026-11-01T00:00:00.000Z', '2026-12-01T00:00:00.000Z']);
  assert.deepEqual(of('total'), ['1970-01-01T00:00:00.000Z', null]);
  const monday = Date.parse('2026-11-23T00:00:00Z');
  assert.equal(windowOf('week', monday).startMs, monday);
});

/** A store in memory for several daemons, as the one in Postgres. */
class SharedStore {
  spent = 0;
  isAway = false;
  readonly held = new Map<string, number>();

  of(daemon: string): BudgetStore {
    const take = async (wanted: readonly Wanted[]): Promise<Grant[]> => {
      if (this.isAway) throw new Error('away');
      return wanted.map(({ key, windowStart, amount, spent, unsettled, want, lent }) => {
        this.spent += spent + unsettled;
        const others = [...this.held].reduce((sum, [id, n]) => sum + (id === daemon ? 0 : n), 0);
        const held = Math.max(lent, Math.min(want, Math.max(0, amount - this.spent - others)));
        this.held.set(daemon, held);
        return { key, windowStart, held, spent: this.spent, charged: 0, alerted: 0 };
      });
    };
    return { take, give: async (back) => void (await take(back)) };
  }
}

function openShared(t: TestContext, store: SharedStore, id: string, leaseMs?: number, daemons = 2) {
  const owner = new BudgetOwner({
    ...{ store: store.of(id), daemons: () => daemons, onSynced: () => {}, onSpent: () => {} },
    ...(leaseMs !== undefined && { leaseMs }),
    grant: (_: number, grant: BudgetGrant) => leased.granted(grant),
    onUnsettled: () => {},
    onStore: () => {},
  });
  const leased = new LeasedBudgets((request) => setImmediate(() => owner.handle(1, request)));
  t.after(() => owner.close());
  const settle = (reserved: number, cost: number) =>
    owner.settle(1, [{ ...budget, reserved, cost, counts: true }], () => budget.amount);
  return { owner, leased, settle };
}

test('a daemon that hands over serves what arrives there, and leaves most to the other', async (t) => {
  const store = new SharedStore();
  const old = openShared(t, store, 'old', undefined, 1);
  assert.equal(await old.leased.reserve([budget], 10, 5_000), null);
  old.settle(10, 10);
  await old.owner.handOver();
  assert.ok((store.held.get('old') ?? 0) < 200, 'it keeps an eighth');
  const next = openShared(t, store, 'next', undefined, 1);
  assert.equal(await next.leased.reserve([budget], 600, 5_000), null);
  for (let round = 0; round < 10; round++) {
    assert.equal(await old.leased.reserve([budget], 10, 5_000), null);
    old.settle(10, 10);
  }
  next.settle(600, 600);
  old.owner.resume();
  await until('the ledger', () => store.spent === 710);
});

test('two daemons share a budget: neither holds more than it needs', async (t) => {
  const store = new SharedStore();
  const [a, b] = [openShared(t, store, 'a'), openShared(t, store, 'b')];
  assert.equal(await a.leased.reserve([budget], 100, 5_000), null);
  assert.equal(await b.leased.reserve([budget], 100, 5_000), null);
  assert.ok((store.held.get('a') ?? 0) < 600, 'not all of it');
  a.settle(100, 100);
  b.settle(100, 100);
  // All that is left goes to one, once the other has none of it for a while.
  assert.equal(await b.leased.reserve([budget], 800, 8_000), null);
  b.settle(800, 800);
  await until('the ledger', () => store.spent === 1_000);
  const refused = await a.leased.reserve([budget], 1, 5_000);
  assert.equal(refused?.reason, 'spent');
});

test('daemons that wait for each other do not deadlock', async (t) => {
  const store = new SharedStore();
  const [a, b] = [openShared(t, store, 'a'), openShared(t, store, 'b')];
  const want = async ({ leased, settle }: ReturnType<typeof openShared>) => {
    for (let times = 0; times < 3; times++) {
      assert.equal(await leased.reserve([budget], 600, 15_000), null);
      settle(600, 10);
    }
  };
  await Promise.all([want(a), want(b)]);
  await until('the ledger', () => store.spent === 60);
});

test('a daemon without the store spends its holding until its lease ends', async (t) => {
  const store = new SharedStore();
  const { leased, settle } = openShared(t, store, 'a', 1_500);
  assert.equal(await leased.reserve([budget], 100, 5_000), null);
  store.isAway = true;
  settle(100, 10);
  assert.equal(await leased.reserve([budget], 50, 1_000), null, 'it is held');
  settle(50, 10);
  const refusal = await until('the end of the lease', async () => {
    const answer = await leased.reserve([budget], 50, 300);
    if (answer === null) settle(50, 0);
    return answer?.reason === 'unavailable' && answer;
  });
  assert.equal(refusal.left >= 0, true);
});
