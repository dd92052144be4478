import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import { anyClaim } from '../../src/limits/fair-queue.js';
import { LeasedSlots } from '../../src/limits/leased-slots.js';
import { type SlotGrant, SlotOwner, type SlotRequest } from '../../src/limits/slot-owner.js';
import type { Release } from '../../src/limits/slots.js';

const capacity = 3;
const workerCount = 3;

/** A worker and the messages in transit between it and the owner, in order. */
interface Node {
  id: number;
  slots: LeasedSlots;
  held: Release[];
  up: SlotRequest[];
  down: SlotGrant[];
}

/** Workers and an owner whose messages are delivered by the test. */
class Network {
  nodes: Node[] = [];
  /** Messages of workers that have ended, which may still arrive. */
  readonly late: { id: number; request: SlotRequest }[] = [];
  readonly owner = new SlotOwner((worker, grant) =>
    this.nodes.find(({ id }) => id === worker)?.down.push(grant),
  );
  #ids = 0;

  constructor() {
    for (let i = 0; i < workerCount; i++) this.nodes.push(this.start());
  }

  start(): Node {
    const up: SlotRequest[] = [];
    const slots = new LeasedSlots((request) => up.push(request));
    return { id: ++this.#ids, slots, held: [], up, down: [] };
  }

  async ask(node: Node, waits: boolean): Promise<void> {
    const release = waits
      ? await node.slots.acquire('k', capacity, 10, anyClaim)
      : await node.slots.tryAcquire('k', capacity);
    if (!release) return;
    node.held.push(release);
    const underWay = this.nodes.reduce((sum, { held }) => sum + held.length, 0);
    assert.ok(underWay <= capacity, `${underWay} of ${capacity}`);
  }

  deliverUp(node: Node): void {
    const request = node.up.shift();
    if (request) this.owner.handle(node.id, request);
  }

  deliverDown(node: Node): void {
    const grant = node.down.shift();
    if (grant) node.slots.granted(grant);
  }

  die(index: number): void {
    const node = this.nodes[index];
    if (!node) return;
    for (const request of node.up.splice(0)) this.late.push({ id: node.id, request });
    this.nodes[index] = this.start();
    this.owner.workerGone(node.id);
  }

  async settle(): Promise<void> {
    for (let busy = true; busy; ) {
      busy = false;
      for (const node of this.nodes) {
        busy ||= node.up.length + node.down.length > 0;
        this.deliverUp(node);
        this.deliverDown(node);
      }
      for (const { id, request } of this.late.splice(0)) this.owner.handle(id, request);
      await turn();
    }
  }
}

async function turn(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve();
}

test('over all workers no more than the capacity is in use, and nothing is lost, whatever dies', async () => {
  const step = fc.tuple(
    fc.constantFrom('try', 'wait', 'release', 'up', 'up', 'down', 'down', 'late', 'die', 'pause'),
    fc.nat({ max: workerCount - 1 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 120 }), async (steps) => {
      const network = new Network();
      const asked: Promise<void>[] = [];
      let pauses = 0;
      for (const [action, index] of steps) {
        const node = network.nodes[index] as Node;
        if (action === 'try' || action === 'wait') {
          const one = network.ask(node, action === 'wait');
          if (action === 'wait') asked.push(one);
          else void one;
        } else if (action === 'release') node.held.shift()?.();
        else if (action === 'up') network.deliverUp(node);
        else if (action === 'down') network.deliverDown(node);
        else if (action === 'die') network.die(index);
        else if (action === 'late') {
          const late = network.late.shift();
          if (late) network.owner.handle(late.id, late.request);
        } else if (pauses++ < 2) await pause(6);
        await turn();
      }
      await Promise.all(asked);
      await network.settle();
      for (const { held } of network.nodes) for (const release of held.splice(0)) release();
      await network.settle();
      for (const { slots } of network.nodes) assert.equal(slots.waiting, 0);
      const [first] = network.nodes as [Node];
      for (let i = 0; i <= capacity; i++) void network.ask(first, false);
      await network.settle();
      assert.equal(first.held.length, capacity);
    }),
    { numRuns: 150 },
  );
});

test('a worker without an answering owner uses its share, and reports it when the owner is back', async () => {
  const sent: SlotRequest['action'][] = [];
  const slots = new LeasedSlots(
    ({ action }) => sent.push(action),
    () => 2,
  );
  const asked = [1, 2, 3].map(() => slots.tryAcquire('k', 4));
  slots.ownerGone();
  const [first, second, third] = await Promise.all(asked);
  assert.ok(first && second);
  assert.equal(third, null);
  assert.equal(await slots.tryAcquire('k', 4), null);
  const waiting = slots.acquire('k', 4, 1_000, anyClaim);
  first();
  const served = await waiting;
  assert.ok(served);
  sent.length = 0;
  // The owner's late answer to the first try: an unneeded slot is returned.
  slots.granted({ key: 'k', granted: true, waited: false });
  assert.deepEqual(sent.sort(), ['keep', 'keep', 'release']);
  sent.length = 0;
  second();
  served();
  assert.deepEqual(sent, ['release', 'release']);
});

test('a request that leaves tells the owner once, and takes nobody else out', async () => {
  const sent: [SlotRequest['action'], number | undefined][] = [];
  const slots = new LeasedSlots(({ action, id }) => sent.push([action, id]));
  const leaves: (() => void)[] = [];
  const onWait = (leave: () => void) => leaves.push(leave);
  const wait = () => slots.acquire('k', 1, 10_000, anyClaim, onWait);
  const [first, second] = [wait(), wait()];
  leaves[0]?.();
  leaves[0]?.();
  assert.equal(await first, null);
  assert.equal(slots.waiting, 1);
  assert.deepEqual(sent, [
    ['wait', 1],
    ['wait', 2],
    ['leave', 1],
  ]);
  slots.granted({ key: 'k', granted: true, waited: true, id: 2 });
  const release = await second;
  leaves[1]?.();
  release?.();
  assert.deepEqual(sent.slice(3), [['release', undefined]], 'what was granted is only released');
});

test('alone, a waiting request gets a slot once the share allows it', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let nowMs = 0;
  t.mock.method(performance, 'now', () => nowMs);
  const slots = new LeasedSlots(
    () => {},
    (all, aloneMs) => (aloneMs < 2_000 ? 0 : all),
  );
  const waiting = slots.acquire('k', 1, 60_000, anyClaim);
  slots.ownerGone();
  nowMs = 1_999;
  t.mock.timers.tick(250);
  assert.equal(slots.waiting, 1);
  assert.equal(await slots.tryAcquire('k', 1), null);
  nowMs = 2_000;
  t.mock.timers.tick(250);
  assert.ok(await waiting);
  assert.equal(slots.waiting, 0);
});
