import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GoogleGenAI, type LiveServerMessage, Modality } from '@google/genai';
import { mockForTest } from '../../mock-provider/mock-for-test.js';
import { startDaemon } from '../../support/daemon.js';
import { freePort } from '../../support/free-port.js';
import { connectSocket } from '../../support/socket-client.js';
import { until } from '../../support/until.js';

const path = '/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent';

interface Session {
  say(text: string): void;
  text(): string;
  turns(): number;
  closed(): { code: number; reason: string } | null;
  close(): void;
}

test('sessions of Gemini’s Live API are relayed to a provider', async (t) => {
  const { mock } = await mockForTest(t);
  const daemon = await startDaemon(t);
  const api_base = mock.url.replace(/v1$/, 'v1beta');
  const gemini = { provider_type: 'gemini' as const, api_base };
  const mapping = { live: 'gemini-live', paid: 'paid', 'mock-*': 'mock-*', both: 'other' };
  await daemon.addProvider('google', { ...gemini, model_mapping: mapping });
  await daemon.addProvider('dead', {
    ...gemini,
    api_base: `http://127.0.0.1:${await freePort()}/v1beta`,
    model_mapping: { both: 'x' },
    provider_params: { priority: 0 },
  });
  await daemon.addProvider('vertex', {
    provider_type: 'vertex',
    api_base: mock.url,
    api_key: 'ya29.token',
    model_mapping: { cloud: 'gemini-live' },
    provider_params: { project: 'p', location: 'l' },
  });
  await daemon.addProvider('openai', { api_base: mock.url, model_mapping: { chat: 'chat' } });
  const key = await daemon.addKey('app');
  const few = await daemon.addKey('few', { allowed_models: ['other'] });
  const once = await daemon.addKey('once');
  await daemon.sql`UPDATE credentials SET limits = '{"requests_per_day": 2}' WHERE name = 'once'`;
  await daemon.reload();

  async function open(model: string, apiKey = key, apiVersion?: string): Promise<Session> {
    const client = new GoogleGenAI({
      apiKey,
      httpOptions: { baseUrl: daemon.url, ...(apiVersion && { apiVersion }) },
    });
    const messages: LiveServerMessage[] = [];
    let closed: { code: number; reason: string } | null = null;
    const session = await client.live.connect({
      model,
      config: { responseModalities: [Modality.TEXT] },
      callbacks: {
        onmessage: (message) => messages.push(message),
        onclose: ({ code, reason }) => {
          closed = { code, reason };
        },
      },
    });
    t.after(() => session.close());
    return {
      say: (text) => session.sendClientContent({ turns: [{ role: 'user', parts: [{ text }] }] }),
      text: () => messages.map(({ text }) => text ?? '').join(''),
      turns: () => messages.filter(({ serverContent }) => serverContent?.turnComplete).length,
      closed: () => closed,
      close: () => session.close(),
    };
  }

  for (const version of ['v1beta', 'v1alpha', undefined]) {
    await t.test(`by the SDK with the version ${version}, with its usage at the end`, async () => {
      const session = await open('live', key, version);
      session.say('hello');
      session.say('x'.repeat(100_000));
      await until('two turns', () => session.turns() === 2);
      const said = 'models/gemini-live: turn 0, 5 characters.models/gemini-live: turn 1, 100000 ';
      assert.equal(session.text(), `${said}characters.`);
      session.close();
      const rows = await until('the row', async () => {
        const found = await daemon.sql`
          SELECT status, complete, model_sent, prompt_tokens AS prompt, completion_tokens AS completion
          FROM request_logs WHERE model = 'live'`;
        return found.length > 0 && found;
      });
      const row = { status: 101, complete: true, model_sent: 'gemini-live' };
      assert.deepEqual([...rows], [{ ...row, prompt: 2 + 25_000, completion: 4 }]);
      await daemon.sql`DELETE FROM request_logs`;
    });
  }

  await t.test('the next provider is asked where one cannot be reached', async () => {
    const session = await open('both');
    session.say('hi');
    await until('the turn', () => session.turns() === 1);
    assert.match(session.text(), /^models\/other: /);
  });

  await t.test('Vertex AI gets the model by its long name', async () => {
    const session = await open('cloud');
    session.say('hi');
    await until('the turn', () => session.turns() === 1);
    assert.match(
      session.text(),
      /^projects\/p\/locations\/l\/publishers\/google\/models\/gemini-live: /,
    );
  });

  await t.test('a session ends as the provider ends it', async () => {
    const session = await open('live');
    session.say('close 4321');
    await until('its end', () => session.closed() !== null);
    assert.deepEqual(session.closed(), { code: 4321, reason: 'as asked' });
    const cut = await open('mock-cut-stream');
    cut.say('hi');
    await until('its end', () => cut.closed() !== null);
    assert.deepEqual(cut.closed()?.code, 1011);
  });

  await t.test('a model that the key may not use, or that nobody serves, is refused', async () => {
    const refusals: [string, string, RegExp][] = [
      ['live', few, /may not use the model "live"/],
      ['nothing', key, /No provider serves the model "nothing"/],
      ['chat', key, /No provider serves the model "chat" at/],
    ];
    for (const [model, used, reason] of refusals) {
      const client = await connectSocket(t, `${daemon.url}${path}?key=${used}`);
      client.send({ setup: { model: `models/${model}` } } as never);
      await until('the refusal', () => client.closed() !== null);
      assert.equal(client.closed()?.code, 1008);
      assert.match(client.closed()?.reason ?? '', reason);
    }
    const row = await until('the row', async () => {
      const [found] = await daemon.sql`SELECT status, error FROM request_logs WHERE model = 'chat'`;
      return found;
    });
    assert.deepEqual(row, { status: 404, error: 'model_not_found' });
  });

  await t.test('a response past a limit of the key ends the session', async () => {
    const session = await open('live', once);
    for (const text of ['a', 'b', 'c']) session.say(text);
    await until('its end', () => session.closed() !== null);
    assert.equal(session.closed()?.code, 1008);
  });

  await t.test('a hard budget covers the next response, or ends the session', async () => {
    const rates = { input: 10_000_000_000, output: 10_000_000_000 };
    await daemon.sql`INSERT INTO prices (name, model, rates, max_input_tokens, max_output_tokens)
      VALUES ('paid', 'paid', ${daemon.sql.json(rates)}, 1000, 10)`;
    // A response takes 40,000 (two tokens in, two out), and at most 10,100,000.
    await daemon.sql`INSERT INTO budgets (name, applies_to, amount, "window")
      VALUES ('talks', '{"key": "payer"}', ${10_100_000 + 100_000}, 'day')`;
    const payer = await daemon.addKey('payer');
    await daemon.reload();
    const session = await open('paid', payer);
    for (let turns = 1; turns <= 3; turns++) {
      assert.equal(session.closed(), null);
      session.say('hello');
      await until('the turn', () => session.turns() === turns);
    }
    await until('its end', () => session.closed() !== null);
    assert.equal(session.closed()?.code, 1008);
    assert.match(session.closed()?.reason ?? '', /^The budget "talks" of .* has \$0.01\d* left/);
    const again = await connectSocket(t, `${daemon.url}${path}?key=${payer}`);
    again.send({ setup: { model: 'models/paid' } } as never);
    await until('the refusal', () => again.closed() !== null);
    assert.match(again.closed()?.reason ?? '', /^The budget "talks"/);
    const spent = await until('the ledger', async () => {
      const [total] = await daemon.sql`
        SELECT spent_nano::int AS spent FROM budget_totals WHERE requests > 0`;
      return total?.spent;
    });
    assert.equal(spent, 120_000);
  });

  await t.test(
    'what is no setup is refused, and a client that leaves before it is no failure',
    async () => {
      for (const [first, code] of [
        [JSON.stringify({ clientContent: {} }), 1008],
        ['no JSON', 1008],
      ] as const) {
        const client = await connectSocket(t, `${daemon.url}/${path}?key=${key}`);
        client.socket.send(first);
        await until('the refusal', () => client.closed() !== null);
        assert.equal(client.closed()?.code, code);
      }
      const client = await connectSocket(t, `${daemon.url}${path}?key=${key}`);
      await client.close();
    },
  );

  await t.test('a wrong key is refused before the handshake', async () => {
    const refused = await connectSocket(t, `${daemon.url}${path}?key=wrong`);
    assert.notEqual(refused.socket.readyState, refused.socket.OPEN);
    const answer = await fetch(`${daemon.url}${path}?key=wrong`, {
      headers: { 'x-goog-api-key': 'wrong' },
      signal: AbortSignal.timeout(10_000),
    });
    assert.equal(answer.status, 426, 'no WebSocket');
    const { error } = (await answer.json()) as { error: { status: string } };
    assert.equal(typeof error.status, 'string', 'in Google’s shape');
  });
});
