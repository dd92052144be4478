import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deserialize, serialize } from 'node:v8';
import fc from 'fast-check';
import type { Credential } from '../../../src/config/configuration.js';
import { formOf } from '../../../src/config/rows/credential-form.js';
import { packChange, unpackChange } from '../../../src/daemon/workers/packed-credentials.js';
import { credential } from '../../config/configuration-for-test.js';

const models = ['a', 'b*'];
const unusual: readonly Partial<Credential>[] = [
  { id: null },
  { name: 'other' },
  { rate_limit: 0 },
  { team: 'a' },
  { expires_at: '2030-01-31T12:00:00.000Z' },
  { allowed_models: models },
  { burst: 3 },
  { is_enabled: false },
  { previous_key: 'a'.repeat(64) },
  { previous_expires_at: '2030-01-31T12:00:00.000Z' },
  { tags: ['x'] },
  { store_bodies: true },
  { losses: 'strict' },
  { allowed_ips: ['10.0.0.0/8'] },
  { limits: { max_concurrency: 2 } },
  { weight: 2 },
  { priority: -1 },
  { cache: { mode: 'on' } },
];

test('packed credentials are what they were, whatever their neighbours are', () => {
  const list = fc.array(fc.constantFrom({}, ...unusual), { maxLength: 30 });
  fc.assert(
    fc.property(list, list, (one, other) => {
      const [removed, added] = [one, other].map((all) =>
        all.map((fields, n) => credential(`key ${n}`, { id: n, ...fields })),
      ) as [Credential[], Credential[]];
      const sent = deserialize(serialize(packChange({ removed, added })));
      const unpacked = unpackChange(sent);
      const both = { removed: [...unpacked.removed], added: [...unpacked.added] };
      assert.deepEqual(both, {
        removed: removed.map(whole),
        added: added.map(whole),
      });
    }),
  );
});

test('credentials that differ in any field have different forms', () => {
  const same = [credential('a'), credential('b'), credential('c', { team: 'x', rate_limit: 3 })];
  assert.equal(packChange({ removed: [], added: same }).added.forms.length, 1);
  for (const fields of unusual.filter(
    (each) => (Object.keys(each)[0] as string) in formOf(credential('')),
  )) {
    const added = [credential('a'), credential('b', fields), credential('c')];
    const packed = packChange({ removed: [], added }).added;
    assert.deepEqual(packed.counts, [1, 1, 1], JSON.stringify(fields));
  }
});

/** With all fields; the preview is not sent. */
function whole(one: Credential): Credential {
  const { id, credential_key, name, rate_limit, team = null, expires_at = null } = one;
  const own = { id, credential_key, name, rate_limit, team, expires_at, key_preview: '' };
  return { ...own, ...formOf(one) };
}
