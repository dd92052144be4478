import assert from 'node:assert/strict';
import { test } from 'node:test';
import { getHeapSpaceStatistics } from 'node:v8';
import { giveBackMemory } from '../../src/daemon/give-back-memory.js';
import { until } from '../support/until.js';

function newSpaceBytes(): number {
  const space = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
  return space?.space_size ?? assert.fail();
}

test('memory for new objects that only the start needed is returned', async () => {
  const kept: object[] = [];
  for (let i = 0; i < 300_000; i++) kept.push({ i });
  kept.length = 0;
  const before = newSpaceBytes();
  const end = giveBackMemory();
  await until('a smaller space', () => newSpaceBytes() < before / 2, 20_000);
  end();
});
