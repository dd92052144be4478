import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Configuration, Credential } from '../../src/config/configuration.js';
import { hashKey } from '../../src/config/secrets/credential-key.js';
import { changeBetween, inPieces, reusingRows } from '../../src/routing/configuration-change.js';
import { buildSnapshot, changeSnapshot, type Snapshot } from '../../src/routing/snapshot.js';
import { configuration, credential, provider, team } from '../config/configuration-for-test.js';

const later = new Date(Date.now() + 3_600_000).toISOString();
const keys = ['a', 'b', 'c', 'd'];

/** The key `to` just after its rotation from `from`. */
function rotated(id: number, from: string, to: string): Credential {
  return { ...credential(to), id, previous_key: hashKey(from), previous_expires_at: later };
}

const steps: Configuration[] = [
  configuration([provider('p'), provider('q')], [credential('a'), credential('b')]),
  configuration(
    [provider('q'), provider('p', { weight: 5 })],
    [credential('a', { rate_limit: 3 }), { ...credential('b'), is_enabled: false }],
  ),
  configuration([provider('p', { weight: 5 })], [credential('b'), rotated(7, 'a', 'c')]),
  // The key before the rotation now belongs to somebody else.
  configuration([provider('p', { is_enabled: false })], [rotated(7, 'a', 'c'), credential('a')]),
  configuration([provider('r')], [rotated(7, 'c', 'd')]),
  configuration([], []),
];

function content({ providers, credentials, models }: Snapshot) {
  const found = keys.map((key) => credentials.get(hashKey(key)));
  return {
    providers: providers.map(({ config, weight }) => ({ config, weight })),
    models,
    credentials: found.map((one) => one && { ...one, allows: null, hash: one.hash }),
    names: [...credentials.values()].map(({ name }) => name).sort(),
  };
}

test('a snapshot changed step by step equals one built from scratch', () => {
  for (const [from, before] of steps.entries()) {
    let snapshot = buildSnapshot(before, 'first');
    for (const [index, after] of steps.entries()) {
      const last = index === 0 ? before : (steps[index - 1] ?? before);
      snapshot = changeSnapshot(snapshot, changeBetween(last, after), `step ${index}`);
      assert.deepEqual(
        content(snapshot),
        content(buildSnapshot(after, '')),
        `from ${from} at ${index}`,
      );
      assert.equal(snapshot.hash, `step ${index}`);
    }
  }
});

test('a change in pieces of any size gives the same snapshot as all of it at once', () => {
  for (const before of steps) {
    for (const after of steps) {
      for (const max of [1, 2, 3, 100]) {
        const snapshot = buildSnapshot(before, '');
        const was = content(snapshot);
        const { pieces, rest } = inPieces(changeBetween(before, after), max);
        const next = snapshot.credentials.next(rest.teams);
        for (const piece of pieces) {
          assert.ok(piece.removed.length + piece.added.length <= max);
          next.change(piece);
        }
        assert.ok(rest.removed.length + rest.added.length <= max);
        const changed = changeSnapshot(snapshot, rest, 'next', next);
        assert.deepEqual(content(changed), content(buildSnapshot(after, '')));
        assert.deepEqual(content(snapshot), was);
      }
    }
  }
});

test('a change contains only the differences', () => {
  const [before, after] = [steps[0], steps[1]] as [Configuration, Configuration];
  const same = changeBetween(before, structuredClone(before));
  assert.deepEqual(same.providers, ['p', 'q']);
  assert.deepEqual([same.added, same.removed], [[], []]);
  const change = changeBetween(before, after);
  assert.deepEqual(
    change.providers?.map((one) => (typeof one === 'string' ? one : { weight: one.weight })),
    ['q', { weight: 5 }],
  );
});

test('a snapshot in use does not change', () => {
  const [before, after] = [steps[0], steps[2]] as [Configuration, Configuration];
  const snapshot = buildSnapshot(before, 'hash');
  const was = content(snapshot);
  changeSnapshot(snapshot, changeBetween(before, after), 'next');
  assert.deepEqual(content(snapshot), was);
});

test('a change of a team reaches its keys, and no others', () => {
  const keys = [credential('a', { id: 1, team: 't' }), credential('b', { id: 2 })];
  const before = configuration([], keys, 1, [team('t', { tags: ['x'] })]);
  const models = { allowed_models: ['gpt-*'], tags: ['y'] };
  const after = configuration([], structuredClone(keys), 2, [team('t', models)]);
  const change = changeBetween(before, after);
  assert.deepEqual(
    change.added.map(({ name }) => name),
    ['a'],
  );
  const { credentials } = changeSnapshot(buildSnapshot(before, ''), change, '');
  const changed = credentials.get(hashKey('a'));
  assert.deepEqual([changed?.team, changed?.tags], ['t', ['y']]);
  assert.deepEqual([changed?.allows?.('gpt-4'), changed?.allows?.('o3')], [true, false]);
});

test('a known change compares no keys, and reaches those of a changed team once', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((name, id) => credential(name, { id, team: 't' }));
  assert.ok(a && b && c);
  const other = credential('d', { id: 9 });
  const before = configuration([provider('p')], [a, b, other], 1, [team('t')]);
  const weighted = [team('t', { weight: 2 })];
  const after = configuration([provider('p')], [a, c, other], 2, weighted);
  const known = { removed: [b], added: [c], hasOthers: true };
  const { removed, added, providers } = changeBetween(before, after, known);
  assert.deepEqual([removed, added, providers], [[b, a], [c, a], ['p']]);
  const ofKeys = changeBetween(before, after, { ...known, hasOthers: false });
  assert.deepEqual([ofKeys.removed, ofKeys.added, ofKeys.providers], [[b], [c], null]);
  const sameTeams = { ...after, teams: structuredClone(before.teams) };
  assert.deepEqual(changeBetween(before, sameTeams, known).added, [c]);
});

test('rows that are as before are the same objects', () => {
  const before = [provider('a'), provider('b')];
  const after = [provider('b', { weight: 2 }), provider('c'), provider('a')];
  const rows = reusingRows(before, after, ({ provider_key }) => provider_key);
  assert.deepEqual(rows, after);
  assert.deepEqual(
    rows.map((row) => before.includes(row)),
    [false, false, true],
  );
});

test('a key may use the models that both it and its team allow', () => {
  const key = credential('a', { team: 't', allowed_models: ['gpt-*', 'o3'] });
  const teams = [team('t', { allowed_models: ['gpt-4*', 'o1'] })];
  const { credentials } = buildSnapshot(configuration([], [key], 1, teams), '');
  const { allows } = credentials.get(hashKey('a')) ?? {};
  const asked = ['gpt-4o', 'gpt-3', 'o3', 'o1'];
  assert.deepEqual(
    asked.map((model) => allows?.(model)),
    [true, false, false, false],
  );
});
