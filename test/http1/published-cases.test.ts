import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { publishedCases } from './published-cases.js';
import { cuts, readRequests } from './read-for-test.js';

for (const [group, cases] of Object.entries(publishedCases)) {
  describe(group, () => {
    for (const { name, stream, reads, rest } of cases) {
      it(`${rest === 'refusal' ? 'refuses' : 'reads'}, in any pieces: ${name}`, () => {
        for (const pieces of cuts(stream)) {
          const { messages, error } = readRequests(pieces);
          const whole = messages.filter(({ ended }) => ended);
          const told = whole.map(({ head: { method, path, query }, body }) =>
            `${method} ${path}${query ? `?${query}` : ''} ${body}`.trimEnd(),
          );
          assert.deepEqual(told, reads, JSON.stringify(pieces));
          assert.equal(error !== null, rest === 'refusal', JSON.stringify(pieces));
          if (rest === 'nothing') assert.equal(whole.length, messages.length);
        }
      });
    }
  });
}
