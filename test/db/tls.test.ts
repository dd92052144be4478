import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { checkServer, connect } from '../../src/db/client.js';
import { certificate } from '../support/certificate.js';
import { skipWithout } from '../support/executable.js';
import { startOwnServer } from '../support/own-server.js';

const skip = skipWithout('openssl');

test('verify-full checks the certificate against the host, also where that is an address', {
  skip,
}, async (t) => {
  const certificates = {
    '127.0.0.1': await certificate('127.0.0.1', 'IP:127.0.0.1'),
    localhost: await certificate('localhost', 'DNS:localhost'),
  };
  for (const [name, files] of Object.entries(certificates)) {
    const { port } = await startOwnServer(t, files);
    for (const host of ['127.0.0.1', 'localhost']) {
      const url = `postgres://llmproxy@${host}:${port}/postgres?sslrootcert=${files.certificate}`;
      const verified = reach(t, `${url}&sslmode=verify-full`);
      if (host === name) await verified;
      else await assert.rejects(verified, /Hostname\/IP does not match/);
      await reach(t, `${url}&sslmode=verify-ca`);
      await reach(t, `${url}&sslmode=require`);
    }
    const other = certificates[name === 'localhost' ? '127.0.0.1' : 'localhost'];
    const url = `postgres://llmproxy@${name}:${port}/postgres?sslrootcert=${other.certificate}`;
    await assert.rejects(reach(t, `${url}&sslmode=verify-ca`), /no known authority/);
  }
});

test('a client certificate is shown to a server that asks for it', { skip }, async (t) => {
  const files = await certificate('llmproxy', 'IP:127.0.0.1');
  const { dbUrl, sql } = await startOwnServer(t, files);
  await sql`ALTER SYSTEM SET ssl_ca_file = 'server.crt'`;
  await sql`SELECT pg_reload_conf()`;
  const { certificate: cert, key } = files;
  const connection = await reach(t, `${dbUrl}?sslmode=require&sslcert=${cert}&sslkey=${key}`);
  const [shown] = await connection`
    SELECT client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()`;
  assert.equal(shown?.client_dn, '/CN=llmproxy');
  assert.throws(
    () => connect(`${dbUrl}?sslmode=require&sslcert=${key}&sslkey=${key}`),
    /sslcert and sslkey cannot be used/,
  );
});

async function reach(t: TestContext, dbUrl: string) {
  const sql = connect(dbUrl, { max: 1 });
  t.after(() => sql.end({ timeout: 1 }));
  await checkServer(sql, dbUrl);
  return sql;
}
