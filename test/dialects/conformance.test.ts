import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { docsPage, withScoreboard } from './conformance/docs-page.js';
import { scoreboard } from './conformance/scoreboard.js';

test('every loss is reported, and the page shows the current scoreboard', () => {
  const board = scoreboard();
  assert.doesNotMatch(board, /SILENT/);
  const page = readFileSync(docsPage, 'utf8');
  assert.equal(page, withScoreboard(page, board), 'run: npm run conformance -- --write');
});
