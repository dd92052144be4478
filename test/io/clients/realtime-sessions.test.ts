import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Limits } from '../../../src/config/rows/limits.js';
import { mockForTest } from '../../mock-provider/mock-for-test.js';
import { ask } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { connectSocket } from '../../support/socket-client.js';
import { until } from '../../support/until.js';

const say = (text: string) => ({
  type: 'conversation.item.create',
  item: { type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
});

test('realtime sessions by client secrets, and within the limits of their key', async (t) => {
  const { mock } = await mockForTest(t);
  const { mock: other } = await mockForTest(t);
  const daemon = await startDaemon(t);
  const mapping = { rt: 'mapped', hears: 'heard' };
  await daemon.addProvider('mock', { api_base: mock.url, model_mapping: mapping });
  await daemon.addProvider('other', {
    api_base: other.url,
    model_mapping: mapping,
    provider_params: { priority: 1 },
  });
  const key = await daemon.addKey('app', { allowed_models: ['rt', 'hears'] });
  await daemon.reload();
  const post = (path: string, body: object, sent = key) =>
    ask(daemon.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${sent}` },
      body: JSON.stringify(body),
    });
  const open = (secret: string, query = '?model=rt') =>
    connectSocket(t, `${daemon.url}/v1/realtime${query}`, {
      protocols: ['realtime', `openai-insecure-api-key.${secret}`],
    });
  const limitedKey = async (name: string, limits: Limits) => {
    const made = await daemon.addKey(name);
    await daemon.sql`UPDATE credentials SET limits = ${daemon.sql.json(limits as never)} WHERE name = ${name}`;
    await daemon.reload();
    return made;
  };
  const session = { type: 'realtime', model: 'rt', instructions: 'Be brief.' };

  await t.test(
    'a browser opens the session that its secret describes, at its provider',
    async () => {
      const answered = await post('/v1/realtime/client_secrets', { session });
      assert.equal(answered.status, 200, answered.text);
      const { value, expires_at, session: made } = JSON.parse(answered.text);
      assert.match(value, /^ek_/);
      assert.ok(!answered.text.includes('ek_mock'), 'the provider’s own is not told');
      assert.ok(expires_at > Date.now() / 1000);
      assert.deepEqual([made.model, made.instructions], ['mapped', 'Be brief.']);
      for (const query of ['?model=rt', '']) {
        const client = await open(value, query);
        client.send({ type: 'session.update', session: {} });
        const updated = await client.next('session.updated');
        assert.deepEqual(updated.session, { model: 'mapped' });
        assert.ok(!JSON.stringify(mock.stats.last).includes(value));
        client.send(say('hello'));
        client.send({ type: 'response.create' });
        await client.next('response.done');
        await client.close();
      }
      type Row = { name: string; provider: string; status: number };
      let rows: Row[] = [];
      await until('the rows', async () => {
        rows = await daemon.sql<Row[]>`
        SELECT credential_name AS name, provider, status FROM request_logs
        WHERE endpoint = '/v1/realtime' AND prompt_tokens > 0`;
        return rows.length === 2;
      });
      assert.deepEqual({ ...rows[0] }, { name: 'app', provider: 'mock', status: 101 });
    },
  );

  await t.test('sessions of the older form, and transcription sessions', async () => {
    const older = JSON.parse((await post('/v1/realtime/sessions', { model: 'rt' })).text);
    const client = await open(older.client_secret.value);
    client.send({ type: 'session.update' });
    assert.deepEqual((await client.next('session.updated')).session, { model: 'mapped' });
    const transcription = { model: 'hears' };
    const bodies: [path: string, body: object][] = [
      ['/v1/realtime/transcription_sessions', { input_audio_transcription: transcription }],
      [
        '/v1/realtime/client_secrets',
        { session: { type: 'transcription', audio: { input: { transcription } } } },
      ],
    ];
    for (const [path, body] of bodies) {
      const made = JSON.parse((await post(path, body)).text);
      const hearing = await open(made.value ?? made.client_secret.value, '?intent=transcription');
      hearing.send({ type: 'session.update' });
      assert.deepEqual((await hearing.next('session.updated')).session, { model: 'heard' });
      await hearing.close();
    }
  });

  await t.test('a secret without permission is refused', async () => {
    const { value } = JSON.parse((await post('/v1/realtime/client_secrets', { session })).text);
    const refused = async (at: string, sent: string, status: number, text: RegExp) => {
      const headers = {
        connection: 'upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        authorization: `Bearer ${sent}`,
      };
      const answered = await ask(daemon.url + at, { headers });
      assert.equal(answered.status, status, answered.text);
      assert.match(answered.text, text);
    };
    await refused('/v1/realtime?model=hears', value, 400, /is for the model \\"rt\\"/);
    await refused('/v1/realtime', `${value}x`, 401, /invalid_api_key/);
    await refused('/v1/realtime', 'ek_mock_1', 401, /invalid_api_key/);
    const chat = await post('/v1/chat/completions', { model: 'rt', messages: [] }, value);
    assert.equal(chat.status, 401);
    assert.equal((await post('/v1/realtime/client_secrets', { session }, value)).status, 401);
    const unnamed = await post('/v1/realtime/client_secrets', { session: { type: 'realtime' } });
    assert.deepEqual(
      [unnamed.status, JSON.parse(unnamed.text).error.param],
      [400, 'session.model'],
    );
    const forbidden = { session: { ...session, model: 'else' } };
    assert.equal((await post('/v1/realtime/client_secrets', forbidden)).status, 403);
    await daemon.sql`UPDATE credentials SET is_enabled = false WHERE name = 'app'`;
    await daemon.reload();
    await refused('/v1/realtime', value, 401, /no longer valid/);
  });

  await t.test(
    'each response counts as a request, and its tokens as soon as they are known',
    async () => {
      const ended = async (name: string, limits: Limits, texts: string[], after: number) => {
        const limited = await limitedKey(name, limits);
        const client = await connectSocket(t, `${daemon.url}/v1/realtime?model=rt`, {
          headers: { authorization: `Bearer ${limited}` },
        });
        for (const text of texts) {
          client.send(say(text));
          client.send({ type: 'response.create' });
          await until('an answer or the end', () => {
            const done = client.events.filter(({ type }) => type === 'response.done').length;
            return client.closed() !== null || done > texts.indexOf(text);
          });
        }
        await until(`the end of ${name}`, () => client.closed() !== null);
        const { code, reason } = client.closed() ?? assert.fail();
        assert.equal(code, 1008);
        assert.match(reason, /^Rate limit reached for this key/);
        const told = client.events.find(({ type }) => type === 'error');
        assert.equal((told?.error as { code?: string })?.code, 'rate_limit_exceeded');
        assert.ok(client.events.filter(({ type }) => type === 'response.done').length >= after);
        const again = await ask(`${daemon.url}/v1/realtime?model=rt`, {
          headers: {
            connection: 'upgrade',
            upgrade: 'websocket',
            'sec-websocket-version': '13',
            'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
            authorization: `Bearer ${limited}`,
          },
        });
        assert.equal(again.status, 429, again.text);
        await until('the row', async () => {
          const [row] = await daemon.sql`
          SELECT error FROM request_logs WHERE credential_name = ${name} AND status = 101`;
          return row?.error === 'rate_limit_exceeded';
        });
      };
      await ended('few', { requests_per_day: 2 }, ['a', 'b', 'c'], 2);
      await ended('small', { tokens_per_day: 2_000 }, ['a'.repeat(20_000), 'b', 'c'], 1);
    },
  );

  const addBudget = async (name: string, key: string, amount: number) => {
    const applies_to = { key };
    const answer = await ask(`${daemon.url}/admin/v1/budgets?wait=active`, {
      method: 'POST',
      headers: { authorization: `Bearer ${daemon.adminKey}` },
      body: JSON.stringify({ name, amount, window: 'day', applies_to }),
    });
    assert.equal(answer.status, 201, answer.text);
  };
  const openAs = (key: string) =>
    connectSocket(t, `${daemon.url}/v1/realtime?model=rt`, {
      headers: { authorization: `Bearer ${key}` },
    });
  const handshake = (key: string) =>
    ask(`${daemon.url}/v1/realtime?model=rt`, {
      headers: {
        connection: 'upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        authorization: `Bearer ${key}`,
      },
    });

  await t.test('a hard budget covers the next response, or ends the session', async () => {
    const rates = { input: 10_000_000_000, output: 10_000_000_000 };
    await daemon.sql`INSERT INTO prices (name, model, rates, max_input_tokens, max_output_tokens)
      VALUES ('mapped', 'mapped', ${daemon.sql.json(rates)}, 1000, 10)`;
    const payer = await daemon.addKey('payer');
    await daemon.reload();
    // Each response takes 40,000 of the 10,100,000: two tokens in and two out.
    await addBudget('sessions', 'payer', 10_100_000 + 100_000);
    const client = await openAs(payer);
    for (let i = 0; i < 3; i++) {
      assert.equal(client.closed(), null);
      client.send(say('hello'));
      client.send({ type: 'response.create' });
      await client.next('response.done');
    }
    await until('the end', () => client.closed() !== null);
    const { code, reason } = client.closed() ?? assert.fail();
    assert.equal(code, 1008);
    assert.match(reason, /^The budget "sessions" of .* has \$0.01\d* left/);
    const told = client.events.find(({ type }) => type === 'error');
    assert.equal((told?.error as { code?: string })?.code, 'insufficient_quota');
    const again = await handshake(payer);
    assert.deepEqual(
      [again.status, JSON.parse(again.text).error.code],
      [429, 'insufficient_quota'],
    );
    await until('the ledger', async () => {
      const [total] = await daemon.sql`
        SELECT spent_nano::int AS spent FROM budget_totals WHERE requests > 0`;
      return total?.spent === 120_000;
    });
  });

  await t.test('a budget that is set during a session counts from its next response', async () => {
    const late = await daemon.addKey('late');
    await daemon.reload();
    const client = await openAs(late);
    client.send({ type: 'session.update' });
    await client.next('session.updated');
    await addBudget('tiny', 'late', 1);
    client.send({ type: 'response.create' });
    await until('the end', () => client.closed() !== null);
    assert.equal(client.closed()?.code, 1008);
    assert.match(client.closed()?.reason ?? '', /^The budget "tiny"/);
  });

  await t.test('a session can name only models that its key may use', async () => {
    const narrow = await daemon.addKey('narrow', { allowed_models: ['rt', 'hears'] });
    await daemon.reload();
    const transcribing = (model: string) => ({
      type: 'session.update',
      session: { type: 'realtime', model: 'rt', audio: { input: { transcription: { model } } } },
    });
    const client = await openAs(narrow);
    client.send(transcribing('hears'));
    await client.next('session.updated');
    client.send(transcribing('else'));
    await until('the end', () => client.closed() !== null);
    assert.equal(client.closed()?.code, 1008);
    assert.match(client.closed()?.reason ?? '', /may not use the model "else"/);
    assert.equal(client.events.filter(({ type }) => type === 'session.updated').length, 1);
    const older = await openAs(narrow);
    const hidden =
      '{"type":"session.update","session":{"input_audio_\\u0074ranscription":{"model":"else"}}}';
    older.socket.send(hidden);
    await until('the end', () => older.closed() !== null);
    assert.equal(older.closed()?.code, 1008);
    for (const body of [
      { session: { ...session, audio: { input: { transcription: { model: 'else' } } } } },
      { model: 'rt', input_audio_transcription: { model: 'else' } },
    ]) {
      const refused = await post('/v1/realtime/client_secrets', body, narrow);
      assert.deepEqual(
        [refused.status, JSON.parse(refused.text).error.code],
        [403, 'model_not_allowed'],
      );
    }
  });

  await t.test('a session within its limits continues', async () => {
    const limits = { requests_per_day: 4, tokens_per_day: 100_000, max_concurrency: 1 };
    const enough = await limitedKey('enough', limits);
    const client = await connectSocket(t, `${daemon.url}/v1/realtime?model=rt`, {
      headers: { authorization: `Bearer ${enough}` },
    });
    for (let i = 0; i < 4; i++) {
      client.send(say('hello'));
      client.send({ type: 'response.create' });
      await client.next('response.done');
    }
    client.send({ type: 'session.update' });
    await client.next('session.updated');
    assert.equal(client.closed(), null);
    assert.equal((await client.close()).code, 1000);
  });
});
