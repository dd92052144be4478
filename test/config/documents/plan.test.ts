import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planDocument } from '../../../src/config/documents/plan.js';
import { fieldChanges } from '../../../src/config/documents/plan-fields.js';
import { readDocument } from '../../../src/config/documents/read-document.js';
import { type NamedSection, newNamed } from '../../../src/config/rows/named.js';

const stored = {
  prices: newNamed('prices', 'one', { model: 'gpt-*', rates: { input: 1 } }),
  budgets: newNamed('budgets', 'one', { amount: 5 }),
  stops: newNamed('stops', 'one', { applies_to: { team: 'chat' } }),
  guardrails: newNamed('guardrails', 'one', { kind: 'webhook', config: { url: 'https://a/b' } }),
  mirrors: newNamed('mirrors', 'one', { provider: 'other' }),
  canaries: newNamed('canaries', 'one', { from_provider: 'a', to_provider: 'b', step: 3 }),
};

function planned(text: string, changed: Partial<Record<NamedSection, object>> = {}) {
  const rows = Object.entries({ ...stored, ...changed }).map(([section, row]) => [
    section,
    [{ ...row, id: 1, created_at: '2026-01-01T00:00:00+00:00' }],
  ]);
  const base = { version: 1, providers: [], teams: [], credentials: [] };
  const { document, problems, place } = readDocument('d', text);
  if (!document) return { problems: problems.first, changes: [] };
  const { plan, problems: found } = planDocument(
    { ...base, ...Object.fromEntries(rows) },
    document,
    { prune: false },
  );
  return { problems: place(found).first, changes: plan.changes };
}

const told = (problems: readonly { path: string; reason: string }[]) =>
  problems.map(({ path, reason }) => `${path}: ${reason}`);

test('a document changes one field of a row, and leaves the others', () => {
  for (const [section, field, value] of [
    ['prices', 'rates', { input: 2 }],
    ['prices', 'valid_from', '2026-02-01'],
    ['budgets', 'mode', 'soft'],
    ['stops', 'reason', 'why'],
    ['guardrails', 'mode', 'monitor'],
    ['guardrails', 'is_enabled', false],
    ['guardrails', 'phases', ['answer']],
    ['guardrails', 'applies_to', { team: 'chat' }],
    ['guardrails', 'config', { url: 'https://c/d', retries: 0 }],
    ['mirrors', 'sample_percent', 7],
    ['mirrors', 'is_enabled', false],
    ['mirrors', 'model', 'other'],
    ['canaries', 'step_seconds', 60],
    ['canaries', 'max_latency_ms', 900],
    ['canaries', 'to_provider', 'c'],
    ['canaries', 'steps', [2, 4, 8, 16]],
  ] as const) {
    const text = JSON.stringify({ [section]: { one: { [field]: value } } });
    const { problems, changes } = planned(text);
    assert.deepEqual(told(problems), [], text);
    const [change, ...others] = changes;
    assert.equal(others.length, 0, text);
    assert.deepEqual(change?.after, { ...change?.before, [field]: value }, text);
    assert.ok(change && fieldChanges(change).every(({ path }) => path.startsWith(field)), text);
  }
});

test('a field that does not fit the rest of its row is refused where it is written', () => {
  for (const [document, problem] of [
    ['guardrails: {one: {kind: pii}}', /one\.config\.url: is no setting of the kind pii/],
    ['guardrails: {one: {config: {}}}', /one\.config\.url: is needed by the kind webhook/],
    ['guardrails: {one: {config: {max_tools: 1}}}', /one\.config\.max_tools: is no setting/],
    ['mirrors: {one: {provider: null}}', /one\.provider: must be given, or "model"/],
    ['canaries: {one: {to_provider: a}}', /one\.to_provider: is from_provider/],
    ['canaries: {one: {steps: [50, 100]}}', /one\.step: there are only 2 steps/],
    ['canaries: {one: {steps: [10, 50, 100]}}', /one\.step: there are only 3 steps/],
    ['canaries: {one: {steps: [50, 10]}}', /one\.steps: must ascend/],
    ['guardrails: {two: {mode: monitor}}', /two: is new, and needs "kind"/],
    ['guardrails: {two: {kind: webhook}}', /two\.config\.url: is needed by the kind webhook/],
    ['guardrails: {two: {kind: size, phases: [answer], config: {max_tools: 1}}}', /two\.phases: /],
    ['mirrors: {two: {sample_percent: 5}}', /two\.provider: must be given, or "model"/],
    ['canaries: {two: {from_provider: a}}', /two: is new, and needs "to_provider"/],
    ['budgets: {two: {mode: soft}}', /two: is new, and needs "amount"/],
    ['stops: {two: {reason: x}}', /two: is new, and needs "applies_to"/],
    ['prices: {"/(/": {rates: {input: 1}}}', /model: is not a regular expression/],
  ] as const) {
    const { problems } = planned(document);
    assert.match(told(problems).join(), problem, document);
    assert.equal(problems[0]?.line, 1, document);
  }
  const without = planned('guardrails: {two: {mode: monitor}}').problems;
  assert.equal(without.length, 1, 'what a row needs is told once');
  const sized = 'guardrails: {two: {kind: size, config: {max_tools: 1}}}';
  assert.deepEqual(told(planned(sized).problems), []);
});

test('a row with a problem of its own can be changed, and corrected', () => {
  const broken = { guardrails: newNamed('guardrails', 'one', { kind: 'webhook' }) };
  assert.deepEqual(told(planned('guardrails: {one: {mode: monitor}}', broken).problems), []);
  const corrected = planned('guardrails: {one: {kind: pii}}', broken);
  assert.deepEqual([told(corrected.problems), corrected.changes.length], [[], 1]);
});

test("a provider's entry without its type may have what another type has", () => {
  for (const fields of [
    `api_key: '{"type": "service_account"}'`,
    'provider_params: {auth: {method: managed_identity}}',
  ]) {
    const { problems } = readDocument('d', `providers: {one: {${fields}}}`);
    assert.deepEqual(told(problems.first), [], fields);
    const typed = readDocument('d', `providers: {one: {provider_type: openai, ${fields}}}`);
    assert.equal(typed.problems.total, 1, fields);
  }
  const wrong = 'api_key: "a b", api_base: "x"';
  assert.equal(readDocument('d', `providers: {one: {${wrong}}}`).problems.total, 2);
  const disabled = readDocument('d', `providers: {one: {is_enabled: false, ${wrong}}}`);
  assert.equal(disabled.problems.total, 0, 'nothing is sent to a disabled provider');
});
