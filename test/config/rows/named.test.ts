import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Budget } from '../../../src/config/rows/budget.js';
import { namedProblems, newNamed } from '../../../src/config/rows/named.js';
import { validateConfiguration } from '../../../src/config/validate.js';
import { configuration } from '../configuration-for-test.js';

test('a webhook URL with user and password is refused, since it would be shown', () => {
  const budget = newNamed('budgets', 'a', { amount: 1, webhook: 'https://me:secret@example.com/' });
  const [found] = namedProblems('budgets', budget, 'here');
  assert.match(String(found?.reason), /^must not contain a user or password$/);
});

test('webhooks must be at hosts that providers may have', () => {
  for (const [url, reason] of [
    ['https://example.com/hook', null],
    ['http://10.0.0.1:9093/', null],
    ['https://example.com:port/', 'is not a URL'],
    ['https://example.com\\other.example/', 'must not contain'],
    ['https://example.com/\u202ehook', 'must not contain'],
    ['https://example.com/\u200bhook', 'must not contain'],
    ['https://example.com/caf\u00e9', null],
    ['http://169.254.169.254/latest', 'metadata address'],
    ['http://[::ffff:a9fe:a9fe]/', 'metadata address'],
    ['http://2852039166/', 'metadata address'],
    ['http://metadata.google.internal/', 'metadata service'],
  ] as const) {
    for (const [section, path, fields] of [
      ['budgets', 'budgets.a.webhook', { amount: 1, webhook: url }],
      ['guardrails', 'guardrails.a.config.url', { kind: 'webhook', config: { url } }],
      ['mirrors', 'mirrors.a.webhook', { model: 'm', webhook: url }],
    ] as const) {
      const found = namedProblems(section, newNamed(section, 'a', fields), 'here');
      assert.deepEqual(
        found.map((problem) => problem.path),
        reason === null ? [] : [path],
        url,
      );
      if (reason !== null) assert.ok(found[0]?.reason.includes(reason), found[0]?.reason);
    }
  }
});

test('a stored webhook with characters that cannot be seen goes on working', () => {
  const webhook = 'https://example.com/\u200bhook';
  const stored = newNamed('budgets', 'a', { amount: 1, webhook });
  assert.equal(namedProblems('budgets', stored, 'here').length, 1);
  assert.deepEqual(namedProblems('budgets', stored, 'here', true), []);
  const sources = { teams: new Map(), providers: new Map(), credentials: new Map() };
  const rows = { ...configuration(), budgets: [stored as Budget] };
  assert.deepEqual(validateConfiguration(rows, { ...sources, named: new Map() }), []);
});
