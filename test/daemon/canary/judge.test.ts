import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Canary, newCanary } from '../../../src/config/rows/canary.js';
import { judge } from '../../../src/daemon/canary/judge.js';

const none = { requests: 0, errors: 0, slow: 0, refused: 0 };

function canary(fields: Partial<Canary> = {}): Canary {
  return { ...newCanary, name: 'c', from_provider: 'a', to_provider: 'b', ...fields };
}

/** At a step with these counts, of which none or all are from the last minute. */
function judged(
  counts: object,
  fields: Partial<Canary> = {},
  stepMs = 600_000,
  recent: object = none,
  usual = { requests: 0, refused: 0 },
) {
  const step = { ...none, ...counts };
  return judge(canary(fields), { step, recent: { ...none, ...recent }, usual }, stepMs);
}

test('a step ends once its time is over and it has seen enough requests', () => {
  assert.deepEqual(judged({ requests: 10 }), { move: 'next', reason: null });
  assert.equal(judged({ requests: 10 }, {}, 599_999).move, 'wait');
  const few = judged({ requests: 9 });
  assert.deepEqual(few, { move: 'wait', reason: 'it has seen 9 of 10 requests' });
  assert.equal(judged({ requests: 10 }, { step: 4 }).move, 'finish');
  assert.equal(judged({ requests: 10 }, { step: 3 }).move, 'next');
});

test('it goes back when surely more fail than its bound allows, at once', () => {
  const failing = judged({ requests: 20, errors: 10 }, {}, 0);
  assert.deepEqual(failing, { move: 'back', reason: '10 of 20 requests failed' });
  assert.equal(judged({ requests: 1, errors: 1 }, {}, 0).move, 'wait', 'a single failure');
  assert.equal(judged({ requests: 2, errors: 2 }, {}, 0).move, 'back');
  assert.equal(judged({ requests: 1_000, errors: 60 }).move, 'wait', '6 % of 1,000 may be 5 %');
  assert.equal(judged({ requests: 1_000, errors: 50 }).move, 'next');
  assert.equal(judged({ requests: 1_000, errors: 70 }).move, 'back');
  assert.equal(judged({ requests: 1_000, errors: 900 }, { max_error_percent: null }).move, 'next');
});

test('the last minute counts by itself: what was good before does not hide what fails now', () => {
  const long = { requests: 10_000, errors: 30 };
  assert.equal(judged(long).move, 'next');
  const { move, reason } = judged(long, {}, 0, { requests: 40, errors: 30 });
  assert.deepEqual([move, reason], ['back', '30 of 40 requests failed']);
});

test('it goes back when surely more than 5 % are slower than its bound', () => {
  const bound = { max_latency_ms: 800 };
  assert.deepEqual(judged({ requests: 100, slow: 20 }, bound), {
    move: 'back',
    reason: '20 of 100 requests took longer than 800 ms',
  });
  assert.equal(judged({ requests: 100, slow: 5 }, bound).move, 'next');
  assert.equal(judged({ requests: 100, slow: 20 }).move, 'next');
});

test('it goes back when surely more are refused as mistakes of clients than elsewhere', () => {
  const some = { requests: 100, refused: 2 };
  const verdict = (requests: number, refused: number, fields: Partial<Canary> = {}, usual = some) =>
    judged({ requests, refused }, fields, 600_000, none, usual);
  const moveOf = (...given: Parameters<typeof verdict>) => verdict(...given).move;
  assert.deepEqual(verdict(20, 10), {
    move: 'back',
    reason: '10 of 20 requests were refused with a status 4xx, elsewhere 2 of 100',
  });
  // 2 of 100 may be 7 %, which with the bound of 5 % are 12 %.
  assert.equal(moveOf(20, 5), 'wait', '5 of 20 may be 11 %');
  assert.equal(moveOf(20, 6), 'back', '6 of 20 are at least 14 %');
  assert.equal(moveOf(20, 6, { max_error_percent: 10 }), 'wait');
  assert.equal(moveOf(20, 1), 'next', '5 % are no more than 2 % and the bound');
  assert.match(
    verdict(20, 5).reason ?? '',
    /^5 of 20 requests were refused, elsewhere 2 of 100, too/,
  );
  assert.equal(moveOf(20, 20, { max_error_percent: null }), 'next');
  assert.equal(moveOf(20, 10, {}, { requests: 100, refused: 50 }), 'next', 'as usual');
  assert.equal(moveOf(20, 20, {}, { requests: 0, refused: 0 }), 'next', 'unknown');
  assert.equal(moveOf(10, 1), 'wait', 'a single one');
  const recently = judged(
    { requests: 1_000, refused: 12 },
    {},
    0,
    { requests: 20, refused: 12 },
    some,
  );
  assert.equal(recently.move, 'back', 'in the last minute');
});
