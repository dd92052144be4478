import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Configuration, Credential } from '../../src/config/configuration.js';
import { hashKey } from '../../src/config/credential-key.js';
import { changeBetween } from '../../src/routing/configuration-change.js';
import { buildSnapshot, changeSnapshot, type Snapshot } from '../../src/routing/snapshot.js';
import { configuration, credential, provider } from '../config/configuration-for-test.js';

const later = new Date(Date.now() + 60_000).toISOString();
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
    credentials: found.map((one) => one && { ...one, allows: null, hash: String(one.hash) }),
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

test('a change contains only the differences', () => {
  const [before, after] = [steps[0], steps[1]] as [Configuration, Configuration];
  const same = changeBetween(before, structuredClone(before));
  assert.deepEqual(same.providers, ['p', 'q']);
  assert.deepEqual([same.added, same.removed], [[], []]);
  const change = changeBetween(before, after);
  assert.deepEqual(
    change.providers.map((one) => (typeof one === 'string' ? one : { weight: one.weight })),
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
