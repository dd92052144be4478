import assert from 'node:assert/strict';
import { test } from 'node:test';
import { releaseNotes } from '../../release/notes.js';

const changelog = `# Changelog

## Unreleased

- coming

## [1.2.0] - 2026-01-02

- two

## 1.1.0

- one
`;

test('the notes are the part of the change log about the version', () => {
  assert.equal(releaseNotes(changelog, '1.2.0'), '# llmproxy 1.2.0\n\n- two\n');
  assert.equal(releaseNotes(changelog, '1.1.0'), '# llmproxy 1.1.0\n\n- one\n');
});

test('a version without a section gets the unreleased changes', () => {
  assert.equal(releaseNotes(changelog, '1.1'), '# llmproxy 1.1\n\n- one\n');
  assert.equal(releaseNotes(changelog, '2.0.0'), '# llmproxy 2.0.0\n\n- coming\n');
  assert.throws(() => releaseNotes('# Changelog\n', '2.0.0'), /nothing about 2\.0\.0/);
});
