import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseExpression } from './promql-syntax.js';
import { failuresOf, type Rule, type RuleTest, shippedRules, shippedTests } from './rule-tests.js';

const rules = shippedRules();
const tests = shippedTests();

test('the rules pass their tests', () => {
  for (const each of tests) assert.deepEqual(failuresOf(rules, each), []);
});

test('every threshold, comparison, period and label of a rule is held by a test', () => {
  const survivors: string[] = [];
  let tried = 0;
  for (const [place, rule] of rules.entries()) {
    for (const mutant of mutantsOf(rule)) {
      tried++;
      const changed = rules.with(place, mutant);
      const isCaught = testsOf(rule).some((each) => failuresOf(changed, each).length > 0);
      if (!isCaught) survivors.push(`${rule.alert ?? rule.record}: ${mutant.expr} ${mutant.for}`);
    }
  }
  assert.deepEqual(survivors, []);
  assert.ok(tried > 200, `${tried} mutants`);
});

test('syntax that the evaluation does not know is an error', () => {
  for (const text of ['a b', 'sum(', 'x offset 5m', 'a > bool 1', 'rate(x[5y])']) {
    assert.throws(() => parseExpression(text), Error, text);
  }
});

/** The tests of a rule, without those of others. */
function testsOf({ alert, record = '' }: Rule): RuleTest[] {
  return tests.flatMap((each) => {
    const alerts = (each.alert_rule_test ?? []).filter(({ alertname }) => alertname === alert);
    const queries = (each.promql_expr_test ?? []).filter(
      ({ expr }) => alert === undefined && expr.includes(record),
    );
    const isOfRule = alerts.length + queries.length > 0;
    return isOfRule ? [{ ...each, alert_rule_test: alerts, promql_expr_test: queries }] : [];
  });
}

/** A factor of 0 keeps the labels of what precedes it, whatever its value. */
const notByZero = '(?!(?:(?! or ).)*\\* 0)';
const comparisons: Readonly<Record<string, string[]>> = {
  '==': ['!=', '>='],
  '>': ['>=', '<'],
  '<': ['<=', '>'],
};

/** Replacements of a part of an expression, by how it is found. */
const edits: [RegExp, (found: string) => string[]][] = [
  [/(?<=\s)(?:==|>|<)(?=\s)/g, (found) => comparisons[found] ?? []],
  [/(?<=[\s(])\d+(?:\.\d+)?(?=[,)\s]|$)/g, changedNumbers],
  [
    new RegExp(`(?<=\\[)\\d+(?=m\\])${notByZero}`, 'g'),
    (found) => [`${+found + 1}`, `${+found - 1}`],
  ],
  [
    new RegExp(`\\b(?:sum|max|min)(?= by)${notByZero}`, 'g'),
    (found) => [found === 'min' ? 'max' : 'min'],
  ],
  [/(?<=by \([^)]*)\b(?!le\b)\w+(?=[,)])/g, () => ['other']],
  [/(?<==")[\w-]+(?=")/g, (found) => [`${found}x`]],
  [/"5\.\."/g, () => ['"4.."', '"50."']],
  [/(?<=\)) - (?=\w)/g, () => [' + ']],
  [/(?<=\s)or(?=\s)/g, () => ['*']],
];

function changedNumbers(found: string): string[] {
  const number = Number(found);
  if (number === 0) return ['1'];
  const step = Number.isInteger(number) && number <= 100 ? 1 : number * 0.02;
  return [`${number + step}`, `${number - step}`];
}

function mutantsOf(rule: Rule): Rule[] {
  const changed = edits.flatMap(([pattern, change]) =>
    [...rule.expr.matchAll(pattern)].flatMap(({ 0: found, index }) =>
      change(found).map((other) => ({
        ...rule,
        expr: rule.expr.slice(0, index) + other + rule.expr.slice(index + found.length),
      })),
    ),
  );
  const minutes = { '1m': 1, '2m': 2, '5m': 5, '10m': 10, '1d': 1_440 }[rule.for ?? ''];
  const waits = minutes === undefined ? [] : [`${minutes - 1}m`, `${minutes + 1}m`];
  return [...changed, ...waits.map((wait) => ({ ...rule, for: wait }))];
}
