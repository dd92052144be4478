import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mockForTest, say } from '../../mock-provider/mock-for-test.js';
import { askChat } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { engines } from '../../support/engines.js';
import { allAnswer, startGateway, startNamedUpstream, whoAnswers } from '../../support/gateway.js';
import { openAi } from '../../support/openai.js';
import { until } from '../../support/until.js';

const liveMs = 5_000;

for (const { engine, skip } of engines) {
  test(`a change is soon active on all workers on ${engine}`, { skip }, async (t) => {
    const { daemon, key } = await startGateway(t, { p: {} }, { engine, workers: 2 });
    const { sql } = daemon;
    const isLive = async (who: string, status: number) => {
      const startMs = performance.now();
      await until('the change', () => allAnswer(daemon, who, status), liveMs);
      t.diagnostic(`live after at most ${Math.round(performance.now() - startMs)} ms`);
    };

    await t.test('made by plain SQL', async () => {
      const added = await daemon.addKey('added');
      await isLive(added, 200);
      await sql`UPDATE credentials SET is_enabled = false WHERE name = 'added'`;
      await isLive(added, 401);
    });

    await t.test('made by another program, through the same triggers', async () => {
      const other = await startNamedUpstream(t, 'other');
      await sql.begin(async (transaction) => {
        await transaction`DELETE FROM providers`;
        await transaction`
          INSERT INTO providers (provider_key, api_base, api_key)
          VALUES ('other', ${other.url}, 'k')`;
      });
      await until('the new provider', async () => (await whoAnswers(daemon, key)) === 'other');
    });

    await t.test('made by a command, which returns once it is', async () => {
      const created = await daemon.cli(['keys', 'create', 'bob', '--json']);
      assert.equal(created.code, 0, created.stderr);
      const bob = String(JSON.parse(created.stdout).key);
      daemon.secrets.add(bob);
      assert.ok(await allAnswer(daemon, bob, 200));
      const revoked = await daemon.cli(['keys', 'revoke', 'bob']);
      assert.match(revoked.stdout, /active \(version \d+\)/);
      assert.ok(await allAnswer(daemon, bob, 401));
    });

    await t.test('when the admin API has answered a reload', async () => {
      const added = await daemon.addKey('reloaded');
      await daemon.reload();
      assert.ok(await allAnswer(daemon, added, 200));
    });

    await t.test('when a key is deleted, which is then refused', async () => {
      await sql`DELETE FROM credentials`;
      await daemon.reload();
      assert.ok(await allAnswer(daemon, key, 401));
    });
  });
}

test('SIGHUP makes the daemon reload, also without a notification', async (t) => {
  const { daemon, key } = await startGateway(t, { p: {} });
  const { sql } = daemon;
  await sql`ALTER TABLE credentials DISABLE TRIGGER USER`;
  await sql`DELETE FROM credentials`;
  daemon.kill('SIGHUP');
  await until('the deleted key to be refused', () => allAnswer(daemon, key, 401), liveMs);
});

test('an invalid row changes nothing and is reported', async (t) => {
  const { daemon, key } = await startGateway(t, { p: {} }, { workers: 2 });
  const { sql } = daemon;
  const rejected = async (change: () => PromiseLike<unknown>, problem: RegExp) => {
    const from = daemon.logs.length;
    await change();
    const { level, problems } = await daemon.waitFor('config_rejected', () => true, from);
    assert.equal(level, 'error');
    assert.match((problems as string[]).join('\n'), problem);
    assert.ok(await allAnswer(daemon, key, 200));
    assert.equal(await whoAnswers(daemon, key), 'p');
    const reload = await fetch(`${daemon.url}/admin/v1/config/reload`, {
      method: 'POST',
      headers: { authorization: `Bearer ${daemon.adminKey}` },
    });
    assert.equal(reload.status, 409);
    assert.match(await reload.text(), /invalid_configuration/);
  };
  const [row] = await sql`SELECT api_base FROM providers`;

  await rejected(
    () => sql`UPDATE providers SET api_base = 'nowhere'`,
    /^table providers: providers\.p\.api_base: is not a URL such as https:\/\/api.openai.com\/v1$/,
  );
  await rejected(
    () => sql`UPDATE providers SET api_base = ${row?.api_base}, weight = -1`,
    /^table providers: providers\.p\.weight: must be at least 0$/,
  );
  await rejected(
    () => sql`UPDATE providers SET weight = 1, model_mapping = '{"a*b*c": "x*"}'`,
    /^table providers: providers\.p\.model_mapping\./,
  );
  const from = daemon.logs.length;
  await sql`UPDATE providers SET model_mapping = '{}', weight = 2`;
  await daemon.waitFor('config_active', () => true, from);
});

test('no request is lost and no stream is cut by 20 changes', async (t) => {
  const daemon = await startDaemon(t, { workers: 2 });
  const mocks = await Promise.all(
    ['a', 'b'].map((name) => mockForTest(t, { name, chunks: 30, chunkIntervalMs: 5 })),
  );
  const bases = mocks.map(({ mock }) => mock.url);
  await daemon.addProvider('p0', { api_base: bases[0] ?? '' });
  const key = await daemon.addKey('alice');
  await daemon.reload();
  const client = openAi(daemon, key);
  const body = { model: 'gpt-4o', messages: say('hi') };
  const expected = (await client.chat.completions.create(body)).choices[0]?.message.content;
  assert.ok(expected);

  let running = true;
  let [requests, streams] = [0, 0];
  const ask = async () => {
    for (; running; requests++) {
      const { choices } = await client.chat.completions.create(body);
      assert.equal(choices[0]?.message.content, expected);
    }
  };
  const askFresh = async () => {
    for (; running; requests++) {
      assert.equal((await askChat(daemon.url, key, 'gpt-4o')).status, 200);
    }
  };
  const stream = async () => {
    for (; running; streams++) {
      const answer = await client.chat.completions.create({ ...body, stream: true });
      let text = '';
      let finish: string | null = null;
      for await (const { choices } of answer) {
        text += choices[0]?.delta.content ?? '';
        finish = choices[0]?.finish_reason ?? finish;
      }
      assert.deepEqual([text, finish], [expected, 'stop']);
    }
  };
  const traffic = Promise.all(
    [ask, ask, askFresh, askFresh, ...Array(6).fill(stream)].map((go) => go()),
  );
  const swap = async () => {
    for (let i = 1; i <= 20; i++) {
      const from = daemon.logs.length;
      await daemon.sql.begin(async (sql) => {
        await sql`DELETE FROM providers`;
        await sql`
          INSERT INTO providers (provider_key, api_base, api_key)
          VALUES (${`p${i % 2}`}, ${bases[i % 3 ? 0 : 1] ?? ''}, ${`key-${i}`})`;
      });
      await daemon.waitFor('config_active', () => true, from);
    }
    running = false;
  };
  await Promise.all([traffic, swap().finally(() => (running = false))]);
  t.diagnostic(`${requests} requests and ${streams} streams`);
  assert.ok(requests > 20 && streams > 6);
  assert.ok(mocks.every(({ mock }) => mock.stats.requests > 0 && mock.stats.aborted === 0));
});
