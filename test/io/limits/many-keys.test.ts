import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ask, askChat, bearer } from '../../support/ask.js';
import { type Daemon, startDaemon } from '../../support/daemon.js';
import { testDatabase } from '../../support/postgres.js';
import { answerChat, startUpstream } from '../../support/upstream.js';

/** More than one part of a list, and of the keys that a worker starts with. */
const count = 6_000;

async function withManyKeys(t: TestContext): Promise<Daemon> {
  const database = await testDatabase(t);
  await database.sql`
    INSERT INTO credentials (credential_key, key_preview, name)
    SELECT encode(sha256(n::text::bytea), 'hex'), 'sk-…', 'key-' || n
    FROM generate_series(1, ${count}::int) AS n`;
  return await startDaemon(t, { database });
}

test('with thousands of keys', async (t) => {
  const daemon = await withManyKeys(t);
  // The hash of a number is a key of the table.
  for (const key of ['1', `${count}`]) {
    const { status } = await askChat(daemon.url, key, 'm');
    assert.equal(status, 503, 'a worker that listens has all keys, but no provider');
  }
  const upstream = await startUpstream(t, answerChat);
  await daemon.addProvider('a', { api_base: upstream.url });
  await daemon.reload();
  const headers = bearer(daemon.adminKey);

  await t.test(
    'simultaneous changes wait for their turn, and are active when answered',
    async () => {
      const statuses = await Promise.all(
        [1, 2, 3, 4].map(async (n) => {
          const url = `${daemon.url}/admin/v1/credentials?wait=active`;
          const body = JSON.stringify({ name: `new-${n}` });
          const made = await ask(url, { method: 'POST', headers, body });
          assert.equal(made.status, 201, made.text);
          const { key } = JSON.parse(made.text).credential;
          daemon.secrets.add(key);
          return (await askChat(daemon.url, key, 'm')).status;
        }),
      );
      assert.deepEqual(statuses, [200, 200, 200, 200]);
    },
  );

  await t.test('a list of all keys is answered in parts', async () => {
    const list = async (search: string) => {
      const answer = await ask(`${daemon.url}/admin/v1/credentials${search}`, { headers });
      assert.equal(answer.status, 200, answer.text.slice(0, 500));
      return { encoding: answer.headers['transfer-encoding'], ...JSON.parse(answer.text) };
    };
    const all = await list('');
    assert.equal(all.encoding, 'chunked');
    const ids = all.credentials.map(({ id }: { id: number }) => id);
    assert.equal(new Set(ids).size, count + 4);
    assert.deepEqual(
      ids,
      [...ids].sort((a, b) => a - b),
    );
    assert.equal(typeof all.version, 'number');
    const some = await list('?offset=1500&limit=3000&search=key-');
    assert.deepEqual(
      some.credentials.map(({ id }: { id: number }) => id),
      ids.slice(1500, 4500),
    );
    assert.deepEqual((await list('?limit=2000')).credentials, all.credentials.slice(0, 2000));
    assert.equal((await list('?offset=4500')).credentials.length, count + 4 - 4500);
  });
});
