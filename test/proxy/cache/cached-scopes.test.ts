import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Configuration, LossPolicy } from '../../../src/config/configuration.js';
import type { CacheRules } from '../../../src/config/rows/cache.js';
import { type Guardrail, newGuardrail } from '../../../src/config/rows/guardrail.js';
import { changeBetween } from '../../../src/routing/configuration-change.js';
import { CredentialTable } from '../../../src/routing/credential-table.js';
import { buildSnapshot, changeSnapshot } from '../../../src/routing/snapshot.js';
import { credential, team } from '../../config/configuration-for-test.js';
import { answerChat } from '../../support/upstream.js';
import { servedWithKeys } from './cached-for-test.js';

/** Keys named by their index, some in teams, each with its own rules or its team's. */
const rules = fc.option(
  fc.record<CacheRules, 'mode'>(
    {
      mode: fc.constantFrom('on', 'off'),
      scope: fc.constantFrom('key', 'team', 'all'),
      single_flight: fc.boolean(),
      models: fc.constantFrom(['m'], ['*']),
    },
    { requiredKeys: ['mode'] },
  ),
  { nil: null },
);
const world = fc.record({
  teams: fc.array(rules, { minLength: 1, maxLength: 3 }),
  keys: fc.array(
    fc.tuple(
      fc.option(fc.nat(2), { nil: null }),
      rules,
      fc.constantFrom<LossPolicy | null>(null, null, 'strict'),
    ),
    { minLength: 2, maxLength: 6 },
  ),
  requests: fc.array(fc.tuple(fc.nat(5), fc.constantFrom('m', 'n'), fc.nat(1)), {
    minLength: 4,
    maxLength: 20,
  }),
  /** Key whose prompts a guardrail checks. */
  guarded: fc.nat(5),
});

test('no key is ever given an answer from beyond its scope', async (t) => {
  let asker = '';
  const messages = [{ role: 'user', content: 'hi' }];
  await fc.assert(
    fc.asyncProperty(world, async ({ teams, keys, requests, guarded }) => {
      const teamRows = teams.map((cache, index) => team(`team-${index}`, { id: index + 1, cache }));
      const rows = keys.map(([place, cache, losses], index) => {
        const of = place === null ? null : (teamRows[place % teamRows.length]?.name ?? null);
        return credential(`key-${index}`, { id: index + 1, team: of, cache, losses });
      });
      const {
        chat,
        gateway,
        rows: configured,
      } = await servedWithKeys(
        t,
        // The answer names the key and the model it was made for.
        ({ body }, response) => {
          const { model } = JSON.parse(body.toString());
          response.writeHead(200, { 'content-type': 'application/json' });
          response.end(JSON.stringify({ id: asker, model, choices: [] }));
        },
        rows,
        { teams: teamRows },
      );
      const guardrail: Guardrail = {
        ...{ ...newGuardrail, name: 'g', kind: 'size', applies_to: { key: `key-${guarded}` } },
        config: { max_messages: 1 },
      };
      gateway.snapshot = buildSnapshot({ ...configured, guardrails: [guardrail] }, 'guarded');
      const rulesOf = (index: number): CacheRules | null => {
        const row = rows[index];
        return row?.cache ?? teamRows.find(({ name }) => name === row?.team)?.cache ?? null;
      };
      for (const [place, model, seed] of requests) {
        const index = place % rows.length;
        asker = `key-${index}`;
        const { headers, body } = await chat({ model, seed, messages }, { key: asker });
        const answer = JSON.parse(body.toString());
        assert.equal(answer.model, model, body.toString());
        const made = Number(answer.id.slice(4));
        const [own, other] = [rulesOf(index), rulesOf(made)];
        const result = headers['x-llmproxy-cache'];
        if (made === index) continue;
        assert.equal(result, 'hit');
        for (const each of [own, other]) assert.equal(each?.mode, 'on');
        assert.equal(own?.scope ?? 'key', other?.scope ?? 'key');
        for (const each of [own, other]) {
          assert.ok(model === 'm' || each?.models?.includes('m') !== true);
        }
        assert.equal(rows[index]?.losses, rows[made]?.losses);
        assert.equal(index === guarded, made === guarded);
        if (own?.scope === 'all') continue;
        assert.equal(own?.scope, 'team');
        assert.ok(rows[index]?.team && rows[index]?.team === rows[made]?.team);
      }
    }),
    { numRuns: 30 },
  );
});

test('keys share no answers where only one of them has a guardrail', async (t) => {
  const cache: CacheRules = { mode: 'on', scope: 'all' };
  const keys = ['alice', 'bob', 'carol'].map((name, id) => credential(name, { id, cache }));
  const { resultOf, gateway, rows } = await servedWithKeys(t, answerChat, keys);
  const config = { max_messages: 1 };
  const of = { name: 'g', kind: 'size', config, applies_to: { key: 'bob' } } as const;
  gateway.snapshot = buildSnapshot({ ...rows, guardrails: [{ ...newGuardrail, ...of }] }, 'g');
  const body = { model: 'm', seed: 1, messages: [{ role: 'user', content: 'hi' }] };
  const results = [];
  for (const key of ['alice', 'bob', 'carol']) results.push(await resultOf(body, { key }));
  assert.deepEqual(results, ['miss', 'miss', 'hit']);
});

test('an answer from before a guardrail is not given after it, though keys and providers stay', async (t) => {
  const keys = [credential('alice', { id: 1, cache: { mode: 'on' } })];
  const { resultOf, gateway, rows } = await servedWithKeys(t, answerChat, keys);
  const body = { model: 'm', seed: 1, messages: [{ role: 'user', content: 'hi' }] };
  assert.equal(await resultOf(body), 'miss');
  assert.equal(await resultOf(body), 'hit');
  const config = { patterns: [{ name: 'p', pattern: 'secret' }] };
  const guarded: Configuration = {
    ...rows,
    guardrails: [{ ...newGuardrail, name: 'g', kind: 'regex', config }],
  };
  gateway.snapshot = changeSnapshot(gateway.snapshot, changeBetween(rows, guarded), 'guarded');
  assert.equal(await resultOf(body), 'miss');
  gateway.snapshot = changeSnapshot(gateway.snapshot, changeBetween(guarded, rows), 'open');
  assert.equal(await resultOf(body), 'hit');
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
  assert.equal(of({ mode: 'on' }, 't'), ofKey, 'the default is the key');
});
