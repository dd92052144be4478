import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  answers,
  type ClientDialect,
  clientDialects,
  guarded,
  guardrail,
  pathOf,
  post,
} from './guarded.js';

/** A request with a prompt in several parts of one message. */
function requestOf(dialect: ClientDialect, parts: readonly string[]): string {
  const typed = (type: string) => parts.map((text) => ({ type, text }));
  switch (dialect) {
    case 'openai.chat':
      return JSON.stringify({ model: 'm', messages: [{ role: 'user', content: typed('text') }] });
    case 'openai.responses':
      return JSON.stringify({
        model: 'm',
        input: [{ role: 'user', content: typed('input_text') }],
      });
    case 'anthropic.messages': {
      const messages = [{ role: 'user', content: typed('text') }];
      return JSON.stringify({ model: 'm', max_tokens: 9, messages });
    }
    case 'gemini.generate':
      return JSON.stringify({
        contents: [{ role: 'user', parts: parts.map((text) => ({ text })) }],
      });
  }
}

for (const dialect of clientDialects) {
  test(`matches across two parts of a message are replaced: ${dialect}`, async (t) => {
    const rows = [guardrail('pii', 'pii')];
    const { origin, provider, last } = await guarded(t, rows, dialect, answers(dialect, ['ok']));
    const sent = requestOf(dialect, ['ask ali', 'ce@exam', 'ple.com, or bob@example.com', 'ly']);
    const { status, text } = await post(origin, pathOf(dialect, false), sent);
    assert.equal(status, 200, text);
    const expected = requestOf(dialect, ['ask [EMAIL_1]', '', ', or [EMAIL_2]', 'ly']);
    assert.deepEqual(JSON.parse(String(provider.received[0]?.body)), JSON.parse(expected));
    assert.equal(last()?.guardrails?.[0]?.verdict, 'edited');
  });
}

const dialect = 'openai.chat';
const ask = (origin: string, body: string) => post(origin, pathOf(dialect, false), body);

test('a denying pattern refuses a match across parts, a monitoring one only reports it', async (t) => {
  const rows = [
    guardrail('deny', 'regex', { patterns: [{ name: 'x', pattern: 'project x' }] }),
    guardrail(
      'watch',
      'regex',
      { patterns: [{ name: 'y', pattern: 'project y' }] },
      { mode: 'monitor' },
    ),
  ];
  const { origin, provider, last } = await guarded(t, rows, dialect, answers(dialect, ['ok']));
  assert.equal((await ask(origin, requestOf(dialect, ['of proj', 'ect x']))).status, 400);
  assert.equal(
    last()?.guardrails?.find(({ guardrail: name }) => name === 'deny')?.verdict,
    'refused',
  );
  const watched = requestOf(dialect, ['of proj', 'ect y']);
  assert.equal((await ask(origin, watched)).status, 200);
  assert.equal(String(provider.received[0]?.body), watched);
  const told = last()?.guardrails?.find(({ guardrail: name }) => name === 'watch');
  assert.deepEqual([told?.verdict, told?.found], ['would_refuse', ['y']]);
});

test('texts of two messages are apart, and what a part has of its own stays as it is', async (t) => {
  const rows = [guardrail('deny', 'regex', { patterns: [{ name: 'x', pattern: 'project x' }] })];
  const { origin } = await guarded(t, rows, dialect, answers(dialect, ['ok']));
  const messages = ['of proj', 'ect x'].map((text) => ({
    role: 'user',
    content: [{ type: 'text', text }],
  }));
  assert.equal((await ask(origin, JSON.stringify({ model: 'm', messages }))).status, 200);
});

test('matches replaced across parts are restored in the answer', async (t) => {
  const rows = [guardrail('pii', 'pii', { restore: true })];
  const { origin } = await guarded(t, rows, dialect, answers(dialect, ['to [EMAIL_1]']));
  const { text } = await ask(origin, requestOf(dialect, ['alice@exam', 'ple.com']));
  assert.match(text, /to alice@example\.com/);
});
