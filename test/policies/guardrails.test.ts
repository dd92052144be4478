import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  answerIn,
  answers,
  clientDialects,
  guarded,
  guardrail,
  pathOf,
  post,
  requestIn,
  streamIn,
  textIn,
} from './guarded.js';

const email = 'alice@example.com';
const prompt = `Write "to"\n${email} & Zoë 🙂 \u00e9, card 4242 4242 4242 4242.`;

for (const dialect of clientDialects) {
  for (const stream of [false, true]) {
    const how = `${dialect}, ${stream ? 'streamed' : 'whole'}`;

    test(`matches in a prompt are replaced, and no other byte changes: ${how}`, async (t) => {
      const rows = [guardrail('pii', 'pii')];
      const { origin, provider, last } = await guarded(t, rows, dialect, answers(dialect, ['ok']));
      const body = requestIn(dialect, prompt, stream);
      // Escapes that a writer need not use stay as the client wrote them.
      const odd = Buffer.from(body.toString().replace('Zoë', 'Zo\\u00eb').replace('&', '\\u0026'));
      const { status, text } = await post(origin, pathOf(dialect, stream), odd);
      assert.equal(status, 200, text);
      const expected = odd
        .toString()
        .replace(email, '[EMAIL_1]')
        .replace('4242 4242 4242 4242', '[CARD_1]');
      const sent = provider.received[0]?.body.toString() ?? '';
      assert.equal(
        sent.replace(/"stream_options":\{[^}]*\},?/, ''),
        expected.replace(/"stream_options":\{[^}]*\},?/, ''),
      );
      assert.deepEqual(
        last()?.guardrails?.map(({ guardrail, phase, verdict, found }) => [
          guardrail,
          phase,
          verdict,
          found,
        ]),
        [
          ['pii', 'request', 'edited', ['card', 'email']],
          ['pii', 'answer', 'passed', []],
        ],
      );
    });

    test(`matches in an answer are replaced at every split: ${how}`, async (t) => {
      const said = `Mail ${email} now.`;
      let pieces: string[] = [];
      const rows = [guardrail('pii', 'pii')];
      const { origin } = await guarded(t, rows, dialect, (request, response) =>
        answers(dialect, pieces)(request, response),
      );
      for (let split = 0; split <= said.length; split += stream ? 1 : said.length) {
        pieces = [said.slice(0, split), said.slice(split)].filter((piece) => piece !== '');
        const { status, text } = await post(
          origin,
          pathOf(dialect, stream),
          requestIn(dialect, 'hi', stream),
        );
        assert.equal(status, 200);
        assert.equal(textIn(dialect, text, stream), 'Mail [EMAIL_1] now.', `split at ${split}`);
        assert.ok(!text.includes('alice'));
      }
    });

    test(`an answer with nothing to replace keeps every byte: ${how}`, async (t) => {
      const pieces = ['The quick ', 'brown fox, at 10:30,', ' jumps.'];
      const rows = [
        guardrail('pii', 'pii'),
        guardrail('words', 'regex', { patterns: [{ name: 'x', pattern: 'forbidden' }] }),
      ];
      const said = stream
        ? streamIn(dialect, pieces)
        : Buffer.from(answerIn(dialect, pieces.join('')));
      const type = stream ? 'text/event-stream' : 'application/json';
      const { origin } = await guarded(t, rows, dialect, (_request, response) => {
        response.writeHead(200, { 'content-type': type }).end(said);
      });
      const { text } = await post(
        origin,
        pathOf(dialect, stream),
        requestIn(dialect, 'hi', stream),
      );
      assert.equal(text, said.toString());
    });

    test(`placeholders in an answer get their text back: ${how}`, async (t) => {
      const rows = [guardrail('pii', 'pii', { restore: true })];
      const pieces = ['I wrote to [EM', 'AIL', '_1', '] and [EMAIL_9].'];
      const { origin, provider } = await guarded(t, rows, dialect, answers(dialect, pieces));
      const { text } = await post(
        origin,
        pathOf(dialect, stream),
        requestIn(dialect, `Mail ${email}`, stream),
      );
      assert.equal(textIn(dialect, text, stream), `I wrote to ${email} and [EMAIL_9].`);
      assert.ok(!provider.received[0]?.body.includes('alice'));
    });

    test(`a denied prompt reaches no provider: ${how}`, async (t) => {
      const rows = [
        guardrail('names', 'regex', { patterns: [{ name: 'project', pattern: '(?i)project-x' }] }),
      ];
      const { origin, provider, last } = await guarded(t, rows, dialect, answers(dialect, ['ok']));
      const { status, text, headers } = await post(
        origin,
        pathOf(dialect, stream),
        requestIn(dialect, 'tell me of Project-X', stream),
      );
      assert.equal(status, 400);
      assert.equal(headers['x-should-retry'], 'false');
      const { error } = JSON.parse(text);
      assert.match(error.message, /The guardrail "names" does not allow this request/);
      if (dialect.startsWith('openai')) assert.equal(error.code, 'guardrail_blocked');
      if (dialect === 'anthropic.messages') assert.equal(JSON.parse(text).type, 'error');
      if (dialect === 'gemini.generate') assert.equal(error.code, 400);
      assert.equal(provider.received.length, 0);
      assert.equal(last()?.error, 'guardrail_blocked');
      assert.deepEqual(last()?.guardrails?.[0], {
        ...{ guardrail: 'names', kind: 'regex', phase: 'request', verdict: 'refused' },
        ...{ found: ['project'], took_ms: 0 },
      });
    });

    test(`a denied answer ends with an error of the dialect: ${how}`, async (t) => {
      const rows = [
        guardrail('names', 'regex', { patterns: [{ name: 'project', pattern: 'Project-X' }] }),
      ];
      const pieces = ['Some long and harmless text. ', 'It is Proj', 'ect-', 'X that', ' matters'];
      const { origin, last } = await guarded(t, rows, dialect, answers(dialect, pieces));
      const { status, text, whole } = await post(
        origin,
        pathOf(dialect, stream),
        requestIn(dialect, 'hi', stream),
      );
      assert.ok(!text.includes('ect-X') && !text.includes('matters'));
      assert.match(text, /The guardrail \\?"names\\?" does not allow this answer/);
      assert.equal(status, 400);
      assert.ok(whole);
      assert.equal(last()?.error, 'guardrail_blocked');
    });

    test(`a monitoring guardrail changes nothing, and reports: ${how}`, async (t) => {
      const rows = [
        guardrail('pii', 'pii', {}, { mode: 'monitor' }),
        guardrail(
          'names',
          'regex',
          { patterns: [{ name: 'mail', pattern: 'Mail' }] },
          { mode: 'monitor' },
        ),
      ];
      const { origin, provider, last } = await guarded(
        t,
        rows,
        dialect,
        answers(dialect, [`Mail ${email}`]),
      );
      const body = requestIn(dialect, `Mail ${email}`, stream);
      const { status, text } = await post(origin, pathOf(dialect, stream), body);
      assert.equal(status, 200);
      assert.equal(textIn(dialect, text, stream), `Mail ${email}`);
      assert.ok(provider.received[0]?.body.includes(email));
      const verdicts = last()?.guardrails?.map(
        ({ guardrail, phase, verdict }) => `${guardrail} ${phase} ${verdict}`,
      );
      assert.deepEqual(verdicts?.sort(), [
        ...['names answer would_refuse', 'names request would_refuse'],
        ...['pii answer would_edit', 'pii request would_edit'],
      ]);
    });
  }
}

test('a prompt may have any number of matches', async (t) => {
  const config = { patterns: [{ name: 'x', pattern: 'xy' }], action: 'redact' as const };
  const rows = [guardrail('many', 'regex', config)];
  const { origin, provider } = await guarded(
    t,
    rows,
    'openai.chat',
    answers('openai.chat', ['ok']),
  );
  // More than can be the arguments of one call.
  const body = requestIn('openai.chat', 'xy '.repeat(130_000));
  const { status, text } = await post(origin, pathOf('openai.chat', false), body);
  assert.equal(status, 200, text.slice(0, 300));
  assert.ok(!provider.received[0]?.body.toString().includes('xy'));
});
