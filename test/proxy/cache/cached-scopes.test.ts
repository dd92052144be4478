import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { CacheRules } from '../../../src/config/rows/cache.js';
import { CredentialTable } from '../../../src/routing/credential-table.js';
import { credential, team } from '../../config/configuration-for-test.js';
import { servedWithKeys } from './cached-for-test.js';

/** Keys named by their index, some in teams, each with its own rules or its team's. */
const rules = fc.option(
  fc.record<CacheRules>({
    mode: fc.constantFrom('on', 'off'),
    scope: fc.constantFrom('key', 'team', 'all'),
    single_flight: fc.boolean(),
  }),
  { nil: null },
);
const world = fc.record({
  teams: fc.array(rules, { minLength: 1, maxLength: 3 }),
  keys: fc.array(fc.tuple(fc.option(fc.nat(2), { nil: null }), rules), {
    minLength: 2,
    maxLength: 6,
  }),
  requests: fc.array(fc.tuple(fc.nat(5), fc.nat(1)), { minLength: 4, maxLength: 20 }),
});

test('no key is ever given an answer from beyond its scope', async (t) => {
  let asker = '';
  await fc.assert(
    fc.asyncProperty(world, async ({ teams, keys, requests }) => {
      const teamRows = teams.map((cache, index) => team(`team-${index}`, { id: index + 1, cache }));
      const rows = keys.map(([place, cache], index) => {
        const of = place === null ? null : (teamRows[place % teamRows.length]?.name ?? null);
        return credential(`key-${index}`, { id: index + 1, team: of, cache });
      });
      const { chat } = await servedWithKeys(
        t,
        // The answer names the key it was made for.
        (_, response) => {
          response.writeHead(200, { 'content-type': 'application/json' });
          response.end(JSON.stringify({ id: asker, choices: [] }));
        },
        rows,
        { teams: teamRows },
      );
      const rulesOf = (index: number): CacheRules | null => {
        const row = rows[index];
        return row?.cache ?? teamRows.find(({ name }) => name === row?.team)?.cache ?? null;
      };
      for (const [place, seed] of requests) {
        const index = place % rows.length;
        asker = `key-${index}`;
        const { headers, body } = await chat({ model: 'm', seed, messages: [] }, { key: asker });
        const made = Number(JSON.parse(body.toString()).id.slice(4));
        const [own, other] = [rulesOf(index), rulesOf(made)];
        const result = headers['x-llmproxy-cache'];
        if (made === index) continue;
        assert.equal(result, 'hit');
        for (const each of [own, other]) assert.equal(each?.mode, 'on');
        assert.equal(own?.scope ?? 'key', other?.scope ?? 'key');
        if (own?.scope === 'all') continue;
        assert.equal(own?.scope, 'team');
        assert.ok(rows[index]?.team && rows[index]?.team === rows[made]?.team);
      }
    }),
    { numRuns: 40 },
  );
});

test('a team of the name of a deleted one has none of its answers', () => {
  const keys = [credential('alice', { team: 't', cache: { mode: 'on', scope: 'team' } })];
  const scopes = [1, 2].map((id) => {
    const [one] = [...CredentialTable.of(keys, [team('t', { id })]).values()];
    return [one?.cache?.scope, one?.cache?.ownScope];
  });
  assert.notDeepEqual(scopes[0], scopes[1]);
  assert.equal(scopes[0]?.[0], scopes[0]?.[1]);
});

test('objects that live at a provider stay with the team that made them', () => {
  const of = (cache: CacheRules, name: string | null) => {
    const key = credential('alice', { id: 7, team: name, cache });
    const [one] = [...CredentialTable.of([key], [team('t', { id: 1 })]).values()];
    return one?.cache?.ownScope;
  };
  const ofTeam = of({ mode: 'on', scope: 'team' }, 't');
  const ofKey = of({ mode: 'on', scope: 'key' }, 't');
  assert.equal(of({ mode: 'on', scope: 'all' }, 't'), ofTeam);
  assert.equal(of({ mode: 'on', scope: 'all' }, null), ofKey);
  assert.notEqual(ofTeam, ofKey);
});
