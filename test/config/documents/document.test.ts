import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shownField, writeDocument } from '../../../src/config/documents/document.js';
import { fieldChanges } from '../../../src/config/documents/plan-fields.js';

const secret = 'sk-of-the-provider';

test('secret parameters of any type are hidden, and references are shown', () => {
  for (const member of ['headers', 'query']) {
    for (const [stored, shown] of [
      [
        { a: secret, b: 'env:B' },
        { a: 'keep', b: 'env:B' },
      ],
      [
        { a: 5, b: [secret], c: { d: secret }, e: null, f: true },
        Object.fromEntries([...'abcef'].map((name) => [name, 'keep'])),
      ],
      [secret, 'keep'],
      [[secret], 'keep'],
      [7, 'keep'],
    ] as const) {
      const params = { priority: 1, [member]: stored };
      assert.deepEqual(shownField('provider_params', params), { priority: 1, [member]: shown });
      const row = { id: 1, provider_key: 'a', api_base: 'http://a', api_key: secret };
      const after = { ...row, provider_params: params };
      const providers = [after];
      const text = writeDocument({
        version: 1,
        providers,
        ...{
          teams: [],
          prices: [],
          budgets: [],
          stops: [],
          guardrails: [],
          mirrors: [],
          canaries: [],
        },
        credentials: [],
      });
      const change = { kind: 'provider', action: 'update', name: 'a', id: 1, before: row } as const;
      const told = `${text}${JSON.stringify(fieldChanges({ ...change, after }))}`;
      assert.ok(!told.includes(secret), told);
    }
  }
  assert.deepEqual(shownField('provider_params', { headers: null }), { headers: null });
});
