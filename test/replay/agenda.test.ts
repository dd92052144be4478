import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Agenda } from '../../src/replay/agenda.js';

test('runs what is due in the order of its times, and nothing else', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50)), fc.nat(50), (times, now) => {
      const agenda = new Agenda();
      const ran: number[] = [];
      for (const atMs of times) agenda.add(atMs, () => ran.push(atMs));
      agenda.runUntil(now);
      const due = times.filter((atMs) => atMs <= now).sort((a, b) => a - b);
      assert.deepEqual(ran, due);
      agenda.runUntil(100);
      assert.equal(ran.length, times.length);
    }),
  );
});
