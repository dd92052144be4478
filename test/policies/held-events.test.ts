import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { DialectName } from '../../src/dialects/dialect.js';
import { HeldEvents, type HeldText } from '../../src/policies/guardrails/held-events.js';

/** A stream whose texts are decided by the test: by name, all that has arrived so far. */
function held(dialect: DialectName = 'openai.chat') {
  const texts = new Map<string, HeldText & { decided: number; length: number }>();
  const isFree = new Set<string>();
  const events = new HeldEvents(dialect, () => {
    const name = String(texts.size);
    const text = {
      decided: 0,
      length: 0,
      replacements: [],
      push(piece: string, isEnd: boolean) {
        text.length += piece.length;
        if (isEnd || isFree.has(name)) text.decided = text.length;
      },
    };
    texts.set(name, text);
    return text;
  });
  return {
    isFree,
    push(...all: string[]): string {
      events.push(Buffer.from(all.join('')));
      return events.release().toString();
    },
    decide(name: string): string {
      const text = texts.get(name);
      if (text) text.decided = text.length;
      return events.release().toString();
    },
    end(): string {
      events.end();
      return events.release().toString();
    },
  };
}

const chunk = (index: number, content: string, more: object = {}) =>
  `data: ${JSON.stringify({ choices: [{ index, delta: { content } }], ...more })}\n\n`;
const finish = (index: number) =>
  `data: ${JSON.stringify({ choices: [{ index, delta: {}, finish_reason: 'stop' }] })}\n\n`;
const usage = `data: ${JSON.stringify({ choices: [], usage: { total_tokens: 3 } })}\n\n`;
const done = 'data: [DONE]\n\n';

test('a choice whose text is not decided makes no other choice wait', () => {
  const { push, decide, isFree, end } = held();
  isFree.add('1');
  assert.equal(push(chunk(0, 'ali')), '');
  assert.equal(push(chunk(1, 'one'), finish(1)), chunk(1, 'one') + finish(1));
  assert.equal(push(finish(0), chunk(1, 'more')), chunk(1, 'more'));
  assert.equal(decide('0'), chunk(0, 'ali') + finish(0));
  assert.equal(end(), '');
});

test('what is about all choices waits for all, and what follows it waits too', () => {
  const { push, decide, end, isFree } = held();
  isFree.add('1');
  assert.equal(push(chunk(0, 'a'), usage, chunk(1, 'b'), done), '');
  assert.equal(push(chunk(1, 'c')), '');
  assert.equal(decide('0'), chunk(0, 'a') + usage + chunk(1, 'b') + done + chunk(1, 'c'));
  assert.equal(end(), '');
});

test('a choice does not overtake what is about all, even if that waits for another choice', () => {
  const { push, decide, end, isFree } = held();
  isFree.add('2');
  assert.equal(push(chunk(0, 'a'), usage, chunk(2, 'x'), done, chunk(1, 'c')), '');
  assert.equal(decide('0'), chunk(0, 'a') + usage);
  assert.equal(decide('1') + end(), chunk(2, 'x') + done + chunk(1, 'c'));
});

test('chunks that count what came before, or are about several choices, keep their places', () => {
  for (const [dialect, event] of [
    ['openai.chat', chunk(1, 'b', { usage: { completion_tokens: 2 } })],
    [
      'openai.chat',
      `data: ${JSON.stringify({
        choices: [1, 2].map((index) => ({ index, delta: { content: 'b' } })),
      })}\n\n`,
    ],
    [
      'gemini.generate',
      `data: ${JSON.stringify({ candidates: [{ index: 1, content: { parts: [{ text: 'b' }] } }] })}\n\n`,
    ],
  ] as const) {
    const { push, decide, end } = held(dialect);
    const first =
      dialect === 'openai.chat'
        ? chunk(0, 'a')
        : `data: ${JSON.stringify({ candidates: [{ index: 0, content: { parts: [{ text: 'a' }] } }] })}\n\n`;
    assert.equal(push(first, event), '');
    assert.equal(decide('1') + decide('2'), '', dialect);
    assert.equal(decide('0') + end(), first + event, dialect);
  }
});

test('each choice keeps its order, and nothing is lost, whenever texts are decided', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('chunk'), index: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('all'), index: fc.constant(0) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('decide'), index: fc.nat(2) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { push, decide, end } = held();
      const sent: string[] = [];
      let got = '';
      for (const [at, { kind, index }] of steps.entries()) {
        if (kind === 'decide') got += decide(String(index));
        else {
          const event = kind === 'chunk' ? chunk(index, `t${at} `) : `: t${at}\n\n`;
          sent.push(event);
          got += push(event);
        }
      }
      got += end();
      const released = got.split(/(?<=\n\n)/).filter((event) => event !== '');
      assert.deepEqual([...released].sort(), [...sent].sort());
      const ofChoice = (all: string[], index: number) =>
        all.filter((event) => event.startsWith(':') || event.includes(`"index":${index}`));
      for (const index of [0, 1, 2]) {
        assert.deepEqual(ofChoice(released, index), ofChoice(sent, index));
      }
    }),
  );
});

test('events that nothing holds leave as they came, also of several choices at once', () => {
  const { push, isFree } = held();
  for (const name of ['0', '1']) isFree.add(name);
  const events = [chunk(0, 'a'), chunk(1, 'b'), chunk(0, 'c'), usage, chunk(1, 'd'), done];
  assert.equal(push(...events), events.join(''));
});
