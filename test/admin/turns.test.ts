import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Turns } from '../../src/admin/turns.js';

test('a caller who can change nothing gives way to one who can and has waited', async () => {
  const turns = new Turns({ all: 9, viewers: 4 }, 1);
  const viewer = await turns.take(false);
  const other = turns.take(false);
  const overtaken = once(viewer.overtaken, 'abort');
  const admin = turns.take(true);
  await overtaken;
  assert.equal(viewer.overtaken.reason.code, 'overloaded');
  viewer.end();

  const { overtaken: ofAdmin, end } = await admin;
  const second = turns.take(true);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(ofAdmin.aborted, false, 'one who can change something does not');
  end();
  (await second).end();
  const last = await other;
  assert.equal(last.overtaken.aborted, false, 'the turn of another is not this one');
  last.end();
});

test('a turn that ended in time is not overtaken in the next one', async () => {
  const turns = new Turns({ all: 9, viewers: 4 });
  const viewer = await turns.take(false);
  const admin = turns.take(true);
  await turn();
  assert.equal(viewer.overtaken.aborted, false, 'there is time to finish');
  viewer.end();
  (await admin).end();
});
