import assert from 'node:assert/strict';
import { test } from 'node:test';
import { certificateReason } from '../../src/db/certificate-errors.js';
import { explainDatabaseError } from '../../src/db/explain-error.js';

test('a certificate that is refused says why, and which setting helps', () => {
  const reason = (code: string) => certificateReason(code, 'the setting');
  assert.match(reason('UNABLE_TO_VERIFY_LEAF_SIGNATURE') ?? '', /authority; the setting names/);
  assert.match(reason('DEPTH_ZERO_SELF_SIGNED_CERT') ?? '', /authority; the setting names/);
  assert.equal(reason('CERT_HAS_EXPIRED'), 'its certificate has expired');
  assert.equal(reason('ECONNREFUSED'), null);
  const error = Object.assign(new Error('x'), { code: 'SELF_SIGNED_CERT_IN_CHAIN' });
  const url = 'postgres://u:p@db:5432/x?sslmode=verify-full';
  assert.match(explainDatabaseError(error, url), /db:5432\/x: .*; sslrootcert names a file/);
});
