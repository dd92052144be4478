import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planDocument } from '../../../src/config/documents/plan.js';
import { readDocument } from '../../../src/config/documents/read-document.js';

/** A document of keys, with the fields of each. */
function keys(count: number, fields: string): string {
  const lines = Array.from({ length: count }, (_, index) => `  user-${index}: {${fields}}`);
  return `credentials:\n${lines.join('\n')}\n`;
}

test('the first of many problems are reported with their places, and the total number', () => {
  const count = 60_000;
  for (const fields of ['rate_limit: -1', 'wrong: 1', 'allowed_models: ["/(/"]', 'key: abcdefgh']) {
    const { document, problems } = readDocument('x', keys(count, fields));
    assert.equal(document, null);
    assert.equal(problems.total, fields.startsWith('key') ? count - 1 : count);
    assert.equal(problems.first.length, 100);
    assert.deepEqual(
      problems.first.map(({ line }) => line),
      Array.from({ length: 100 }, (_, index) => index + (fields.startsWith('key') ? 3 : 2)),
    );
  }
});

test('problems that only a plan can find are reported alike', () => {
  const text = keys(60_000, 'rate_limit: 1');
  const { document, place } = readDocument('x', text);
  assert.ok(document);
  const base = {
    version: 1,
    providers: [],
    ...{ teams: [], prices: [], budgets: [], stops: [], guardrails: [], mirrors: [], canaries: [] },
    credentials: [],
  };
  const { first, total } = place(planDocument(base, document, { prune: false }).problems);
  assert.deepEqual([total, first.length, first[99]?.line], [60_000, 100, 101]);
});

test('many keys of one name are compared in linear time', () => {
  const row = (id: number) => ({ id, name: 'same', credential_key: String(id).padStart(64, '0') });
  const base = {
    version: 1,
    providers: [],
    ...{ teams: [], prices: [], budgets: [], stops: [], guardrails: [], mirrors: [], canaries: [] },
    credentials: Array.from({ length: 100_000 }, (_, id) => row(id)),
  };
  const { plan } = planDocument(base, { credentials: {} }, { prune: true });
  assert.equal(plan.changes.length, 100_000);
  const planned = (label: string) => {
    const { document } = readDocument('x', `credentials: {"${label}": {rate_limit: 1}}`);
    assert.ok(document);
    return planDocument(base, document, { prune: false });
  };
  assert.equal(planned('same#7').plan.changes[0]?.id, 7);
  const { problems } = planned('same');
  assert.match(problems[0]?.reason ?? '', /^100000 keys have this name: write "same#0" or /);
  assert.match(problems[0]?.reason ?? '', / or another of them$/);
  assert.ok((problems[0]?.reason.length ?? 0) < 200);
});

test('an unknown field of the length of a document gets no suggestion', () => {
  const { problems } = readDocument('x', `providers: {a: {${'w'.repeat(2_000_000)}: 1}}`);
  assert.equal(problems.total, 1);
  assert.doesNotMatch(problems.first[0]?.reason ?? '', /did you mean/);
});

test('a long name or value is shortened in what is reported', () => {
  const long = 'w'.repeat(2_000_000);
  for (const text of [
    `${long}: 1`,
    `providers: {${long}: {}}`,
    `providers: {a: {${long}: 1}}`,
    `providers: {a: {model_mapping: {"/(${long}/": x}}}`,
    `providers: {a: {provider_params: {headers: {${long}: x, "${long}b": 5}}}}`,
    `credentials: {${long}: {}}`,
    `credentials: {a: {allowed_ips: [${long}]}}`,
    `credentials: {a: {expires_at: ${long}}}`,
  ]) {
    const { problems } = readDocument('x', text);
    assert.ok(problems.total > 0, text.slice(0, 60));
    for (const { path, reason } of problems.first) {
      assert.ok(path.length + reason.length < 1_500, text.slice(0, 60));
    }
  }
});

test('two new keys of one name are refused, and those of an export of another gateway are not', () => {
  const base = {
    version: 1,
    providers: [],
    ...{ teams: [], prices: [], budgets: [], stops: [], guardrails: [], mirrors: [], canaries: [] },
    credentials: [],
  };
  const planned = (credentials: Record<string, object>) => {
    const entries = Object.entries(credentials).map(([label, fields], index) => [
      label,
      { credential_key: String(index).padStart(64, '0'), ...fields },
    ]);
    const { document } = readDocument(
      'x',
      JSON.stringify({ credentials: Object.fromEntries(entries) }),
    );
    assert.ok(document);
    return planDocument(base, document, { prune: false }).problems;
  };
  for (const credentials of [
    { a: { name: 'same' }, b: { name: 'same' } },
    { b: { name: 'a' }, a: {} },
    { a: {}, 'a#7': {} },
    { 'a#7': {}, b: { name: 'a' } },
  ]) {
    const [problem, ...others] = planned(credentials);
    const [first = '', second] = Object.keys(credentials);
    assert.equal(problem?.path, `credentials.${second}`);
    assert.ok(problem.reason.includes(`is new, and so is "${first}" with the same name`));
    assert.deepEqual(others, []);
  }
  assert.deepEqual(planned({ 'a#6': {}, 'a#7': {}, b: {} }), []);
});

test('the name in a label has at most 200 characters, the id after it not counted', () => {
  const [fits, long] = ['x'.repeat(200), 'y'.repeat(201)];
  const entry = `{credential_key: ${'a'.repeat(64)}}`;
  const { document } = readDocument('d', `credentials:\n  ${fits}#12345: ${entry}\n`);
  assert.deepEqual(Object.keys(document?.credentials ?? {}), [`${fits}#12345`]);
  const { problems } = readDocument('d', `credentials:\n  ${long}: ${entry}\n`);
  assert.deepEqual(
    problems.first.map(({ line, reason }) => [line, reason]),
    [[2, 'must have at most 200 characters']],
  );
});
