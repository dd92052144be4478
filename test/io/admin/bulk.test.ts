import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { type Daemon, startDaemon } from '../../support/daemon.js';
import { until } from '../../support/until.js';

const viewerKey = 'viewer-0123456789-abcdefgh';

/** A document of keys with these fields, of about this many bytes per key. */
function keys(count: number, fields = 'rate_limit: 1'): string {
  const lines = Array.from({ length: count }, (_, index) => {
    const hash = index.toString(16).padStart(64, '0');
    return `  user-${index}: {credential_key: "${hash}", ${fields}}`;
  });
  return `credentials:\n${lines.join('\n')}\n`;
}

function ask(daemon: Daemon, path: string, body?: object, options: RequestInit = {}) {
  return fetch(`${daemon.url}/admin/v1/config/${path}`, {
    method: body ? 'POST' : 'GET',
    headers: { authorization: `Bearer ${daemon.adminKey}` },
    ...(body && { body: JSON.stringify(body) }),
    ...options,
  });
}

/** Connections of the threads that handle documents. */
async function threads({ sql }: Daemon): Promise<number> {
  const [row] = await sql<[{ count: number }]>`
    SELECT count(*)::int AS count FROM pg_stat_activity
    WHERE application_name = 'llmproxy bulk' AND datname = current_database()`;
  return row.count;
}

test('documents of any size do not delay others, and end with their client', async (t) => {
  const daemon = await startDaemon(t, {
    settings: { admin: { keys: [{ name: 'looks', key: viewerKey, role: 'viewer' }] } },
  });
  const large = keys(40_000);

  await t.test('another request is answered while a document is planned', async () => {
    let isPlanned = false;
    const planned = ask(daemon, 'plan', { document: large }).then((answer) => {
      isPlanned = true;
      return answer;
    });
    await until('the thread', async () => (await threads(daemon)) > 0, 60_000);
    for (let index = 0; index < 20; index++) {
      assert.equal((await ask(daemon, 'version')).status, 200);
    }
    assert.ok(!isPlanned, 'the plan was there before the others were answered');
    const answer = await planned;
    assert.equal(answer.status, 200);
    const { changes } = (await answer.json()) as { changes: unknown[] };
    assert.equal(changes.length, 40_000);
  });

  await t.test('another request is answered while a guardrail searches a long text', async () => {
    // From before patterns were limited: where a text has a match, each character costs many steps.
    const config = { patterns: [{ name: 'long', pattern: '(?:[a-z ]){1,900}Z' }] };
    await daemon.sql`
      INSERT INTO guardrails (name, kind, config) VALUES ('slow', 'regex', ${daemon.sql.json(config)})`;
    let isTested = false;
    const tested = fetch(`${daemon.url}/admin/v1/guardrails/slow/test`, {
      method: 'POST',
      headers: { authorization: `Bearer ${daemon.adminKey}` },
      body: JSON.stringify({ text: `${'some words '.repeat(15_000)}Z` }),
    }).then((answer) => {
      isTested = true;
      return answer;
    });
    await until('the thread', async () => (await threads(daemon)) > 0, 60_000);
    for (let index = 0; index < 5; index++) {
      assert.equal((await ask(daemon, 'version')).status, 200);
    }
    assert.ok(!isTested, 'the verdict was there before the others were answered');
    const answer = await tested;
    assert.equal(answer.status, 200);
    assert.equal(((await answer.json()) as { verdict: string }).verdict, 'refused');
  });

  await t.test('some of 60,000 problems are reported, with the total', async () => {
    const answer = await ask(daemon, 'plan', { document: keys(60_000, 'rate_limit: -1') });
    assert.equal(answer.status, 400);
    const { error } = (await answer.json()) as { error: { message: string; param: string } };
    assert.match(error.message, /^document: line 2, column \d+: credentials\.user-0\.rate_limit/);
    assert.match(error.message, /; and 59980 more$/);
    assert.equal(error.param, 'document');
  });

  await t.test('work ends when its client leaves, and the next request is served', async () => {
    const client = new AbortController();
    const left = ask(daemon, 'plan', { document: large }, { signal: client.signal });
    const waits = ask(daemon, 'plan', { document: large }, { signal: client.signal });
    await until('the thread', async () => (await threads(daemon)) > 0, 60_000);
    client.abort();
    await assert.rejects(left, { name: 'AbortError' });
    await assert.rejects(waits, { name: 'AbortError' });
    await until('the end of the thread', async () => (await threads(daemon)) === 0);
    const answer = await ask(daemon, 'plan', { document: 'credentials: {}' });
    assert.equal(answer.status, 200);
  });

  await t.test('an admin may send more than a viewer, on the main port too', async () => {
    const document = `${' '.repeat(9_000_000)}\n`;
    const viewer = { headers: { authorization: `Bearer ${viewerKey}` } };
    assert.equal((await ask(daemon, 'plan', { document })).status, 200);
    assert.equal((await ask(daemon, 'plan', { document }, viewer)).status, 413);
    assert.equal((await ask(daemon, 'plan', { document: 'credentials: {}' }, viewer)).status, 200);
    assert.equal((await ask(daemon, 'apply', { document }, viewer)).status, 403);
  });

  await t.test(
    'viewers that send large bodies slowly keep nobody from making changes',
    async (t) => {
      const head = [
        'POST /admin/v1/config/plan HTTP/1.1',
        `host: 127.0.0.1\r\nauthorization: Bearer ${viewerKey}`,
        'content-type: application/json\r\ncontent-length: 67108864',
      ].join('\r\n');
      const sockets = Array.from({ length: 10 }, () => {
        const socket = connect(Number(new URL(daemon.url).port), '127.0.0.1');
        t.after(() => socket.destroy());
        return socket.setEncoding('latin1').on('error', () => {});
      });
      const refused = sockets.map((socket) => once(socket, 'data'));
      for (const socket of sockets) socket.write(`${head}\r\n\r\n{`);
      const [answer] = await Promise.race([...refused, once(AbortSignal.timeout(20_000), 'abort')]);
      assert.match(answer, /^HTTP\/1\.1 503 /);
      assert.equal((await ask(daemon, 'plan', { document: 'credentials: {}' })).status, 200);
    },
  );

  await t.test('errors of a body are reported as on other routes', async () => {
    const bodies = [
      [{}, 'invalid_request', 'document'],
      [{ document: 5 }, 'invalid_request', 'document'],
      [{ document: '', base: 1 }, 'invalid_request', 'base'],
      [{ document: 'a\0' }, 'invalid_request', 'document'],
      [{ document: '['.repeat(1_000_000) }, 'invalid_request', 'document'],
    ] as const;
    for (const [body, code, param] of bodies) {
      const answer = await ask(daemon, 'plan', body);
      const { error } = (await answer.json()) as { error: { code: string; param: string } };
      assert.deepEqual([answer.status, error.code, error.param], [400, code, param]);
    }
    const notJson = await ask(daemon, 'plan', undefined, { method: 'POST', body: '{"document":' });
    assert.equal(
      ((await notJson.json()) as { error: { code: string } }).error.code,
      'invalid_json',
    );
  });

  await t.test('a version beyond the integers of PostgreSQL is not found', async () => {
    for (const version of [2 ** 31, 2 ** 53 - 1, 2 ** 53, 2 ** 63, 1e300]) {
      const rollback = await ask(daemon, 'rollback', { version });
      assert.ok([400, 404].includes(rollback.status), `${version}: ${await rollback.text()}`);
      const base = await ask(daemon, 'apply', { document: '', base_version: version });
      assert.ok([400, 409].includes(base.status), `${version}: ${await base.text()}`);
      for (const path of [`versions/${version}`, `versions/${BigInt(version)}`]) {
        assert.ok([400, 404].includes((await ask(daemon, path)).status), path);
      }
      const history = await ask(daemon, `history?before=${BigInt(version)}`);
      assert.ok([200, 400].includes(history.status), `history before ${version}`);
    }
  });

  await t.test('a document is applied, active on request, exported and undone', async () => {
    const { version } = (await (await ask(daemon, 'version')).json()) as { version: number };
    const applied = await ask(daemon, 'apply?wait=active', { document: keys(1_000) });
    assert.equal(applied.status, 200);
    const { version: active } = (await applied.json()) as { version: number };
    assert.ok(active > version);
    const now = (await (await ask(daemon, 'version')).json()) as { version: number };
    assert.equal(now.version, active);
    const exported = await (await ask(daemon, 'export')).text();
    assert.match(exported, /^ {2}user-999:$/m);
    const again = await ask(daemon, 'apply', { document: exported });
    assert.equal(((await again.json()) as { applied: boolean }).applied, false);
    assert.equal((await ask(daemon, 'rollback?wait=active', { version })).status, 200);
    assert.doesNotMatch(await (await ask(daemon, 'export')).text(), /user-999/);
  });

  await t.test('the daemon stops at once while a document is planned', async () => {
    const planned = ask(daemon, 'plan', { document: keys(60_000) }).then(
      (answer) => answer.arrayBuffer(),
      () => null,
    );
    await until('the thread', async () => (await threads(daemon)) > 0, 60_000);
    assert.equal(await daemon.stop(), 0);
    await planned;
  });
});
