import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { test } from 'node:test';
import OpenAI, { toFile } from 'openai';
import { mockForTest } from '../../mock-provider/mock-for-test.js';
import { type AskOptions, ask } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { engines } from '../../support/engines.js';
import { openAi } from '../../support/openai.js';
import { until } from '../../support/until.js';
import { type Received, startUpstream } from '../../support/upstream.js';

const boundary = 'x-boundary';
const type = `multipart/form-data; boundary=${boundary}`;

function field(name: string, value: string | Buffer, more = ''): Buffer {
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.from(value), Buffer.from('\r\n')]);
}

function form(...parts: Buffer[]): Buffer {
  return Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]);
}

/** A recognizable byte for each place. */
function sound(bytes: number): Buffer {
  return Buffer.alloc(bytes, Buffer.from(Array.from({ length: 251 }, (_, i) => i)));
}

const fileOf = (bytes: Buffer) => field('file', bytes, '; filename="a.mp3"');
const path = '/v1/audio/transcriptions';

for (const { engine, skip } of engines) {
  test(`forms with files pass through ${engine}`, { skip }, async (t) => {
    const { mock } = await mockForTest(t);
    const daemon = await startDaemon(t, {
      engine,
      settings: { server: { max_body_bytes: 8_000_000 } },
    });
    let status = 500;
    const answer = (seen: Received, name: string) =>
      JSON.stringify({ text: name, bytes: seen.body.length });
    const first = await startUpstream(t, (seen, response) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(answer(seen, 'first')),
    );
    const second = await startUpstream(t, (seen, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(answer(seen, 'second')),
    );
    await daemon.addProvider('mock', {
      api_base: mock.url,
      model_mapping: { 'whisper-1': 'w', 'gpt-image-1': 'i' },
    });
    await daemon.addProvider('first', {
      api_base: first.url,
      model_mapping: { both: 'mapped-first', one: 'mapped-one', 'dall-e-2': 'd' },
      weight: 2,
    });
    await daemon.addProvider('second', {
      api_base: second.url,
      model_mapping: { both: 'mapped-second-longer' },
      weight: 0,
    });
    const key = await daemon.addKey('sdk');
    const few = await daemon.addKey('few', { allowed_models: ['whisper-1'] });
    await daemon.reload();
    const client = openAi(daemon, key);
    const send = (body: Buffer, more: AskOptions = {}) =>
      ask(daemon.url + path, {
        method: 'POST',
        body,
        headers: { authorization: `Bearer ${key}`, 'content-type': type, ...more.headers },
      });

    await t.test('the SDK transcribes, translates, edits images and makes variations', async () => {
      const file = () => toFile(sound(70_000), 'a.mp3');
      const model = 'whisper-1';
      const whole = await client.audio.transcriptions.create({ file: await file(), model });
      assert.equal(whole.text, 'A sound of 70000 bytes.');
      const named = await client.audio.translations.create({ model, file: await file() });
      assert.equal(named.text, whole.text);
      const text = await client.audio.transcriptions.create({
        file: await file(),
        model,
        response_format: 'text',
      });
      assert.equal(String(text), `${whole.text}\n`);
      const stream = await client.audio.transcriptions.create({
        file: await file(),
        model,
        stream: true,
      });
      const kinds: string[] = [];
      for await (const event of stream) kinds.push(event.type);
      assert.deepEqual(kinds, ['transcript.text.delta', 'transcript.text.done']);
      const image = () => toFile(sound(100), 'a.png', { type: 'image/png' });
      const edited = await client.images.edit({
        image: await image(),
        prompt: 'x',
        model: 'gpt-image-1',
      });
      assert.ok(edited.data?.[0]?.b64_json);
      const varied = await client.images.createVariation({
        image: await image(),
        model: 'gpt-image-1',
        n: 2,
      });
      assert.equal(varied.data?.length, 2);
    });

    await t.test('the tokens that they cost are recorded', async () => {
      type Row = { endpoint: string; prompt: number; completion: number };
      let rows: Row[] = [];
      await until('the rows', async () => {
        rows = await daemon.sql<Row[]>`
          SELECT endpoint, prompt_tokens AS prompt, completion_tokens AS completion
          FROM request_logs WHERE provider = 'mock' AND prompt_tokens IS NOT NULL`;
        return (
          rows.some((row) => row.endpoint === '/v1/images/edits') &&
          rows.some((row) => row.endpoint === path)
        );
      });
      const transcribed = rows.filter((row) => row.endpoint === path);
      // Whole and streamed; plain text reports none.
      assert.equal(transcribed.length, 2);
      assert.ok(transcribed.every(({ prompt, completion }) => prompt === 17_500 && completion > 0));
    });

    await t.test('only the name of the model changes, wherever it is', async () => {
      status = 200;
      const file = fileOf(sound(100_000));
      for (const parts of [
        (name: string) => [field('model', name), file],
        (name: string) => [file, field('model', name), field('x', 'é')],
      ]) {
        const { text } = await send(form(...parts('one')));
        assert.equal(JSON.parse(text).text, 'first', text);
        const seen = first.received.at(-1);
        assert.ok(seen);
        assert.ok(seen.body.equals(form(...parts('mapped-one'))));
        assert.equal(seen.headers['content-type'], type);
        assert.equal(seen.headers['content-length'], String(seen.body.length));
      }
      const image = field('image', 'x', '; filename="a.png"');
      const { status: answered } = await ask(`${daemon.url}/v1/images/variations`, {
        method: 'POST',
        body: form(image),
        headers: { authorization: `Bearer ${key}`, 'content-type': type },
      });
      assert.equal(answered, 200);
      const added = `--${boundary}\r\ncontent-disposition: form-data; name="model"\r\n\r\nd\r\n`;
      assert.ok(
        first.received.at(-1)?.body.equals(Buffer.concat([Buffer.from(added), form(image)])),
      );
    });

    await t.test('a path that names the model wins over the form', async () => {
      status = 200;
      const body = form(field('model', 'never'), fileOf(sound(10)));
      const { text } = await ask(`${daemon.url}/openai/deployments/one/audio/transcriptions`, {
        method: 'POST',
        body,
        headers: { 'api-key': key, 'content-type': type },
      });
      assert.equal(JSON.parse(text).text, 'first', text);
      assert.ok(
        first.received.at(-1)?.body.equals(form(field('model', 'mapped-one'), fileOf(sound(10)))),
      );
    });

    await t.test('a small form is sent to the next provider too, a large one is not', async () => {
      status = 500;
      const small = await send(form(field('model', 'both'), fileOf(sound(200_000))));
      assert.equal(small.status, 200, small.text);
      assert.equal(JSON.parse(small.text).text, 'second');
      assert.ok(
        second.received
          .at(-1)
          ?.body.equals(form(field('model', 'mapped-second-longer'), fileOf(sound(200_000)))),
      );
      const large = await send(form(field('model', 'both'), fileOf(sound(3_000_000))));
      assert.equal(large.status, 500, large.text);
      const id = String(large.headers['x-request-id']);
      await until('the explanation', async () => (await daemon.cli(['explain', id])).code === 0);
      const { stdout } = await daemon.cli(['explain', id]);
      assert.match(stdout, /too large to be kept/);
    });

    await t.test(
      'a form is sent on before all of it is here, and not faster than it is taken',
      async () => {
        status = 200;
        const before = first.received.length;
        const body = form(field('model', 'one'), fileOf(sound(5_000_000)));
        const sent = request(daemon.url + path, {
          method: 'POST',
          headers: { authorization: `Bearer ${key}`, 'content-type': type },
        });
        const answered = once(sent, 'response');
        // Chunked, and in two parts.
        sent.write(body.subarray(0, 1_000_000));
        await until('the first part', () => sent.writableLength === 0);
        sent.end(body.subarray(1_000_000));
        const [response] = await answered;
        response.resume();
        assert.equal(response.statusCode, 200);
        const seen = first.received.at(-1);
        assert.equal(first.received.length, before + 1);
        assert.equal(seen?.headers['transfer-encoding'], 'chunked');
        assert.ok(seen.body.equals(form(field('model', 'mapped-one'), fileOf(sound(5_000_000)))));
      },
    );

    await t.test(
      'an invalid form is refused by name, and never reaches a provider whole',
      async () => {
        const before = first.received.length;
        const ok = fileOf(sound(2_000_000));
        const cases: [
          body: Buffer,
          status: number,
          text: RegExp,
          headers?: Record<string, string>,
        ][] = [
          [form(ok), 400, /must provide a model/],
          [form(field('model', ''), ok), 400, /"param":"model"/],
          [form(field('model', 'one'), ok, field('model', 'two')), 400, /must not be given twice/],
          [form(field('model', 'never'), ok), 404, /model_not_found/],
          [Buffer.concat([field('model', 'one'), ok]), 400, /does not end with its boundary/],
          [form(field('model', 'one'), fileOf(sound(9_000_000))), 413, /request_too_large/],
          [
            Buffer.from('{"model":"one"}'),
            400,
            /"param":"content-type"/,
            { 'content-type': 'application/json' },
          ],
          [
            form(field('model', 'one'), ok),
            400,
            /one valid boundary/,
            { 'content-type': 'multipart/form-data' },
          ],
          [
            form(field('model', 'one'), ok),
            403,
            /model_not_allowed/,
            { authorization: `Bearer ${few}` },
          ],
          [
            form(field('model', 'whisper-1'), ok, field('models[]', 'one')),
            403,
            /models.*could name others/,
            { authorization: `Bearer ${few}` },
          ],
          [
            form(field('model', 'one'), ok),
            401,
            /invalid_api_key/,
            { authorization: 'Bearer sk-never' },
          ],
        ];
        for (const [body, expected, text, headers = {}] of cases) {
          const answered = await send(body, { headers }).catch((e: unknown) =>
            assert.fail(`${text}: ${e}`),
          );
          assert.equal(answered.status, expected, answered.text);
          assert.match(answered.text, text);
        }
        const reached = first.received
          .slice(before)
          .map(({ body }) => body.toString('latin1', body.length - 99));
        assert.ok(!reached.some((rest) => rest.endsWith(`--${boundary}--\r\n`)));
        const raised = await client.audio.transcriptions
          .create({ file: await toFile(sound(10), 'a.mp3'), model: 'mock-none' })
          .catch((error: unknown) => error);
        assert.ok(raised instanceof OpenAI.NotFoundError);
      },
    );
  });
}
