import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failed, ok } from '../../../src/admin/health/finding.js';
import { grouped } from '../../../src/cli/doctor/doctor-providers.js';

test('providers of one cause are one line with one cure', () => {
  const cure = (key: string) => `llmproxy provider update ${key} --api-key-env VARIABLE`;
  const refused = (key: string) => failed(`provider ${key}`, 'answers 401', cure(key));
  const names = Array.from({ length: 12 }, (_, i) => `p${i}`);
  const alone = failed('provider x', 'did not answer in time', 'llmproxy provider test x');
  const [a, b] = [ok('provider a', 'answers 200'), ok('provider b', 'answers 200')];
  assert.deepEqual(grouped([a, ...names.map(refused), alone, b]), [
    a,
    {
      state: 'fail',
      check: '12 providers',
      detail: 'answers 401: p0, p1, p2, p3, p4, p5, p6, p7, p8, p9 and 2 more',
      todo: cure('NAME'),
    },
    alone,
    b,
  ]);
  const [ten] = grouped(names.slice(0, 10).map(refused));
  assert.match(ten?.detail ?? '', /p8, p9$/);
});
