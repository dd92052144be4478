import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newProblems } from '../../src/changes/new-problems.js';
import type { Configuration, Credential } from '../../src/config/configuration.js';
import type { OverrideFile } from '../../src/config/overrides.js';
import { describeProblem } from '../../src/config/problem.js';
import { hashKey } from '../../src/config/secrets/credential-key.js';
import { configuration, credential, provider, team } from '../config/configuration-for-test.js';

/** Keys 1 to 5; the second has a team, and the fourth a long-standing problem. */
function rows(): Configuration {
  const keys = [1, 2, 3, 4, 5].map((id) => ({
    ...credential(`key-${id}`),
    id,
    credential_key: hashKey(`sk-${id}`),
    ...(id === 2 && { team: 'one' }),
    ...(id === 4 && { allowed_models: ['/(/'] }),
  }));
  return { ...configuration([provider('a'), provider('b')], keys), teams: [team('one')] };
}

async function found(
  change: (before: Configuration) => Configuration,
  files: OverrideFile[] = [],
): Promise<string[]> {
  const parts = { readRows: async () => rows(), readOverrides: async () => files };
  return (await newProblems(parts, change, { isCommand: false })).map(describeProblem);
}

const withKeys =
  (edit: (keys: Credential[]) => Credential[]) =>
  (before: Configuration): Configuration => ({
    ...before,
    credentials: edit(before.credentials),
  });
const edited = (id: number, fields: Partial<Credential>) =>
  withKeys((keys) => keys.map((each) => (each.id === id ? { ...each, ...fields } : each)));
const newKey = (fields: Partial<Credential>) =>
  withKeys((keys) => [
    ...keys,
    { ...credential('new'), credential_key: hashKey('sk-n'), ...fields },
  ]);

const cases: [string, (before: Configuration) => Configuration, RegExp[]][] = [
  ['nothing', (before) => before, []],
  ['a good key', newKey({}), []],
  ['a key of a team that there is', newKey({ team: 'one' }), []],
  ['a key of a team that there is not', newKey({ team: 'two' }), [/credentials\.new\.team/]],
  ['a pattern that is none', edited(1, { allowed_models: ['/)/'] }), [/key-1\.allowed_models\.0/]],
  ['a key that another has', newKey({ credential_key: hashKey('sk-5') }), [/the same key as/]],
  [
    'a changed key that an earlier one has',
    edited(5, { credential_key: hashKey('sk-1') }),
    [/the same key as "key-1"/],
  ],
  ['a key that goes', withKeys((keys) => keys.filter(({ id }) => id !== 5)), []],
  ['a key that had a problem before', edited(4, { is_enabled: false }), []],
  ['keys in another order', withKeys((keys) => [...keys].reverse()), []],
  [
    'keys that are other objects',
    withKeys((keys) =>
      keys.map((each) => ({ ...each, team: each.id === 1 ? 'no' : undefined }) as Credential),
    ),
    [/key-1\.team/],
  ],
  ['a team that goes, and has a key', (before) => ({ ...before, teams: [] }), [/key-2\.team/]],
  [
    'a team with another name',
    (before) => ({ ...before, teams: [team('other')] }),
    [/key-2\.team/],
  ],
  ['a team more', (before) => ({ ...before, teams: [...before.teams, team('two')] }), []],
  [
    'a provider without an address',
    (before) => ({
      ...before,
      providers: before.providers.map((each) =>
        each.provider_key === 'b' ? { ...each, api_base: 'nowhere' } : each,
      ),
    }),
    [/providers\.b\.api_base/],
  ],
  ['a provider that goes', (before) => ({ ...before, providers: [provider('a')] }), []],
  [
    'a budget without an amount',
    (before) => ({ ...before, budgets: [{ name: 'x' }] as unknown as [] }),
    [/budgets\.x/],
  ],
];

// A file that changes a key has all rows checked.
const whole: OverrideFile = { path: 'x.yaml', text: 'credentials: {key-3: {is_enabled: false}}' };

for (const [name, change, expected] of cases) {
  test(`checking what has changed finds what checking all rows finds: ${name}`, async () => {
    const problems = await found(change);
    assert.equal(problems.length >= expected.length, true, problems.join('; '));
    for (const pattern of expected) assert.match(problems.join('; '), pattern);
    if (expected.length === 0) assert.deepEqual(problems, []);
    assert.deepEqual((await found(change, [whole])).sort(), problems.sort());
  });
}

test('a file that changes providers is checked with the rows that change', async () => {
  const files = [{ path: 'p.yaml', text: 'providers: {b: {weight: 3}, c: {weight: 1}}' }];
  assert.deepEqual(await found(newKey({}), files), []);
  const without = (before: Configuration) => ({ ...before, providers: [provider('a')] });
  assert.match((await found(without, files)).join('; '), /p\.yaml: providers\.b/);
});

test('only the changed one of many keys is examined', async () => {
  let looked = 0;
  const base = rows();
  const watched = base.credentials.map((each) =>
    Object.defineProperty({ ...each }, 'allowed_models', {
      enumerable: true,
      get() {
        looked++;
        return each.allowed_models;
      },
    }),
  );
  const parts = {
    readRows: async () => ({ ...base, credentials: watched }),
    readOverrides: async () => [],
  };
  const problems = await newProblems(parts, newKey({ team: 'two' }), { isCommand: false });
  assert.equal(problems.length, 1);
  assert.equal(looked, 0);
});
