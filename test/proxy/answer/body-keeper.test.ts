import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BodyKeeper, keptBody, maxBodyBytes } from '../../../src/proxy/answer/body-keeper.js';

test('a body that comes in pieces is kept as one that comes whole', () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 30_000 }), { maxLength: 8 });
  fc.assert(
    fc.property(sizes, (lengths) => {
      const keeper = new BodyKeeper();
      const pieces = lengths.map((length, i) => Buffer.alloc(length, i + 1));
      for (const piece of pieces) {
        keeper.add(piece);
        // Whoever made it may use it again.
        piece.fill(0);
      }
      const whole = keptBody(
        Buffer.concat(lengths.map((length, i) => Buffer.alloc(length, i + 1))),
      );
      assert.equal(keeper.body.totalBytes, whole.totalBytes);
      assert.ok(Buffer.from(whole.bytes).equals(keeper.body.bytes));
      assert.ok(whole.bytes.length <= maxBodyBytes);
    }),
    { numRuns: 200 },
  );
});
