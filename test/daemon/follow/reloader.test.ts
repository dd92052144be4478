import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Configuration } from '../../../src/config/configuration.js';
import type { OverrideFile } from '../../../src/config/overrides.js';
import { ConfigError } from '../../../src/config/problem.js';
import { Reloader } from '../../../src/daemon/follow/reloader.js';
import type { GatewayEvent } from '../../../src/observe/event.js';
import { configuration, provider } from '../../config/configuration-for-test.js';

/** A reloader over rows and files that the test sets. */
function daemon(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const state = {
    rows: configuration([provider('a')]),
    files: [] as OverrideFile[],
    reads: 0,
    reading: 0,
    published: [] as Configuration[],
    events: [] as GatewayEvent[],
    /** A read waits for it. */
    gate: Promise.resolve() as Promise<void>,
    failure: null as Error | null,
  };
  const reloader = new Reloader({
    readVersion: async () => state.rows.version,
    async readRows() {
      state.reads++;
      assert.equal(++state.reading, 1, 'one read at a time');
      await state.gate;
      state.reading--;
      if (state.failure) throw state.failure;
      return state.rows;
    },
    readOverrides: async () => state.files,
    async publish(published) {
      state.published.push(published);
    },
    activated: () => {},
    emit: (event) => state.events.push(event),
  });
  /** Waits for a debounce and its effects. */
  const settle = async () => {
    t.mock.timers.tick(50);
    await turn();
    await turn();
  };
  return { state, reloader, settle };
}

test('nothing is active before the first reload', (t) => {
  const { reloader } = daemon(t);
  assert.throws(() => reloader.active, /no configuration is active/);
});

test('marks that come together make one read', async (t) => {
  const { state, reloader, settle } = daemon(t);
  for (let i = 0; i < 10; i++) reloader.mark();
  assert.equal(state.reads, 0);
  await settle();
  assert.equal(state.reads, 1);
  assert.equal(reloader.active.configuration.providers.length, 1);
});

test('a mark during a read makes one more read after it', async (t) => {
  const { state, reloader, settle } = daemon(t);
  let open = () => {};
  state.gate = new Promise((resolve) => {
    open = resolve;
  });
  reloader.mark();
  await settle();
  reloader.mark();
  await settle();
  assert.equal(state.reads, 1);
  state.rows = configuration([provider('b')]);
  open();
  await settle();
  assert.equal(state.reads, 2);
  assert.equal(reloader.active.configuration.providers[0]?.provider_key, 'b');
});

test('the same content publishes nothing, though its version rose', async (t) => {
  const { state, reloader } = daemon(t);
  const first = await reloader.reload();
  state.rows = configuration([provider('a')], [], 2);
  const second = await reloader.reload();
  assert.equal(state.published.length, 1);
  assert.equal(second.hash, first.hash);
  assert.equal(second.since, first.since);
  assert.equal(second.configuration.version, 2);
});

test('an override file is merged, and one that is not valid keeps what is active', async (t) => {
  const { state, reloader } = daemon(t);
  const before = await reloader.reload();
  state.files = [{ path: 'x.yaml', text: 'providers: {a: {weight: heavy}}' }];
  await assert.rejects(reloader.reload(), ConfigError);
  assert.equal(reloader.active, before);
  assert.deepEqual(state.events.at(-1), {
    type: 'config_rejected',
    problems: ['x.yaml: providers.a.weight: must be a whole number'],
  });
  state.files = [{ path: 'x.yaml', text: 'providers: {a: {weight: 4}}' }];
  await reloader.reload();
  assert.equal(state.published.at(-1)?.providers[0]?.weight, 4);
});

test('a failed read keeps the active configuration and is reported, and the next succeeds', async (t) => {
  const { state, reloader, settle } = daemon(t);
  const before = await reloader.reload();
  state.failure = new Error('the database is away');
  reloader.mark();
  await settle();
  assert.equal(reloader.active, before);
  assert.deepEqual(state.events.at(-1), { type: 'config_unread', reason: 'the database is away' });
  state.failure = null;
  state.rows = configuration([provider('b')]);
  await reloader.reload();
  assert.equal(reloader.active.configuration.providers[0]?.provider_key, 'b');
});

test('stop waits for the read under way and starts none that was marked', async (t) => {
  const { state, reloader, settle } = daemon(t);
  const reload = reloader.reload();
  reloader.mark();
  await reloader.stop();
  await reload;
  await settle();
  assert.equal(state.reads, 1);
});

test('a check after a change reloads only the changed rows', async (t) => {
  const { state, reloader } = daemon(t);
  await reloader.reload();
  state.rows = { ...configuration([provider('b')]), version: state.rows.version + 1 };
  await reloader.problemsOf((rows) => rows, { isCommand: false });
  assert.equal(state.reads, 2);
  assert.equal(reloader.active.configuration.providers[0]?.provider_key, 'b');
  state.rows = {
    ...configuration([provider('b', { weight: -1 })]),
    version: state.rows.version + 1,
  };
  const seen: number[] = [];
  const problems = await reloader.problemsOf(
    (rows) => {
      seen.push(rows.version);
      return rows;
    },
    { isCommand: false },
  );
  assert.deepEqual(problems, [], 'those that are there already');
  assert.deepEqual(seen, [state.rows.version]);
});

test('checks of changes wait for each other, and read rows only when these have changed', async (t) => {
  const { state, reloader } = daemon(t);
  await reloader.reload();
  const seen: number[] = [];
  const check = () =>
    reloader.problemsOf(
      (rows) => {
        seen.push(rows.version);
        return rows;
      },
      { isCommand: false },
    );
  await Promise.all([check(), check()]);
  assert.equal(state.reads, 1);

  state.rows = { ...state.rows, version: state.rows.version + 1 };
  await Promise.all([check(), check(), check()]);
  assert.equal(state.reads, 2);
  assert.deepEqual(seen.slice(2), [state.rows.version, state.rows.version, state.rows.version]);

  state.rows = { ...state.rows, version: state.rows.version + 1 };
  state.failure = new Error('away');
  await assert.rejects(check(), /away/);
  state.failure = null;
  assert.deepEqual(await check(), []);
});
