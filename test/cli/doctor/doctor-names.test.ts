import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkNames } from '../../../src/cli/doctor/doctor-names.js';
import { newBudget } from '../../../src/config/rows/budget.js';
import { newCanary } from '../../../src/config/rows/canary.js';
import { newGuardrail } from '../../../src/config/rows/guardrail.js';
import { newMirror } from '../../../src/config/rows/mirror.js';

import { newPrice } from '../../../src/config/rows/price.js';
import { configuration, credential, provider, team } from '../../config/configuration-for-test.js';

test('rows that name a key, team or provider that does not exist are warned about', () => {
  const all = [provider('a'), provider('off', { is_enabled: false })];
  const rows = configuration(all, [credential('k')], 1, [team('t')]);
  const canary = { ...newCanary, name: 'c', from_provider: 'a', to_provider: 'a', to_model: 'm' };
  const mirror = { ...newMirror, name: 'm', provider: 'a' };
  const guardrail = { ...newGuardrail, name: 'g', kind: 'pii' as const };
  const budget = { ...newBudget, name: 'b', amount: 1 };
  const applies_to = { key: 'k', team: 't' };
  const told = (more: Partial<typeof rows>) =>
    checkNames({ ...rows, ...more }).map(({ check, detail }) => `${check} ${detail}`);
  assert.deepEqual(
    told({
      canaries: [canary, { ...canary, from_provider: 'x', state: 'stopped' }],
      mirrors: [
        { ...mirror, applies_to },
        { ...mirror, provider: 'x', is_enabled: false },
      ],
      guardrails: [
        { ...guardrail, applies_to },
        { ...guardrail, applies_to: { key: 'x' }, is_enabled: false },
      ],
      budgets: [
        { ...budget, applies_to: { team: 'x' }, is_enabled: false },
        { ...budget, applies_to: { ...applies_to, provider: 'off', user: 'x' } },
      ],
      stops: [
        { name: 's', reason: null, applies_to: { ...applies_to, provider: 'off', tag: 'x' } },
      ],
    }),
    [],
  );
  const none = (kind: string, name: string) => `does nothing: there is no ${kind} "${name}"`;
  assert.deepEqual(
    told({
      canaries: [{ ...canary, from_provider: 'x', to_provider: 'off' }],
      mirrors: [{ ...mirror, provider: 'y', applies_to: { provider: 'z', team: 'u' } }],
      guardrails: [{ ...guardrail, applies_to: { key: 'l', team: 't' } }],
      budgets: [{ ...budget, applies_to: { team: 'tt', key: 'k' } }],
      prices: [{ ...newPrice, name: 'p', model: 'm', provider_key: 'w' }],
      stops: [
        { name: 's', reason: null, applies_to: { team: 'tt' } },
        { name: 'r', reason: null, applies_to: { key: 'kk', tag: 'x' } },
      ],
    }),
    [
      `canary c ${none('enabled provider', 'x')}`,
      `canary c ${none('enabled provider', 'off')}`,
      `mirror m ${none('team', 'u')}`,
      `mirror m ${none('provider', 'z')}`,
      `mirror m ${none('enabled provider', 'y')}`,
      `guardrail g ${none('key', 'l')}`,
      `budget b ${none('team', 'tt')}; did you mean "t"?`,
      `price p ${none('provider', 'w')}`,
      `stop of team tt ${none('team', 'tt')}; did you mean "t"?`,
      `stop of key kk, tag x ${none('key', 'kk')}; did you mean "k"?`,
    ],
  );
});

test('a guardrail with patterns that a new one may not have is warned about', () => {
  const patterns = [{ name: 'p', pattern: 'a{900}' }];
  const guardrail = { ...newGuardrail, name: 'g', kind: 'regex' as const, config: { patterns } };
  const [found, ...others] = checkNames({ ...configuration([], []), guardrails: [guardrail] });
  assert.deepEqual(others, []);
  assert.deepEqual([found?.check, found?.state], ['guardrail g', 'warn']);
  assert.match(
    String(found?.detail),
    /^config\.patterns\.0\.pattern is too large: 902 instructions/,
  );
});
