import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withTlsFiles } from '../../../src/daemon/secrets/provider-tls.js';
import { client, loopback } from '../../server/certificates.js';

const files: Readonly<Record<string, string>> = {
  '/ca': loopback.cert,
  '/cert': client.cert,
  '/key': client.key,
  '/other': loopback.key,
  '/text': 'no PEM',
};
const read = async (path: string) => {
  const text = files[path];
  if (text === undefined) throw new Error(`refers to ${path}, which cannot be read: ENOENT`);
  return text;
};

test('the files of a provider’s TLS are read with its secrets', async () => {
  const tls = { ca_file: '/ca', cert_file: '/cert', key_file: '/key' };
  const params = await withTlsFiles({ priority: 1, tls }, read);
  const pem = { ca: loopback.cert, cert: client.cert, key: client.key };
  assert.deepEqual(params, { priority: 1, tls: { ...tls, pem } });
  const without = { priority: 1 };
  assert.equal(await withTlsFiles(without, read), without);
});

test('a file that cannot be used is named, with the reason', async () => {
  for (const [tls, reason] of [
    [{ ca_file: '/gone' }, /tls\.ca_file refers to \/gone, which cannot be read: ENOENT$/],
    [{ ca_file: '/text' }, /tls\.ca_file refers to \/text, which holds no PEM$/],
    [{ cert_file: '/cert', key_file: '/other' }, /tls cannot be used: .*key values mismatch/],
  ] as const) {
    await assert.rejects(withTlsFiles({ tls }, read), { name: 'SecretError', message: reason });
  }
});
