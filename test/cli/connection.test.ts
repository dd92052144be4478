import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { json, llmproxy, temporaryFolder } from './llmproxy.js';

test('the embedded database is created by the first command and kept for the next', async (t) => {
  const folder = temporaryFolder(t);
  const dataDir = join(folder, 'not/there/yet');
  const run = (args: string[]) => llmproxy([...args, '--data-dir', dataDir], { cwd: folder });
  const added = await run([
    ...['provider', 'add', 'mock', '--api-base', 'http://127.0.0.1:1/v1', '--api-key', 'mock'],
  ]);
  assert.deepEqual(added, {
    code: 0,
    stdout: 'added provider mock\nsaved; no daemon is running here\n',
    stderr: '',
  });
  const [provider] = await json(run(['provider', 'list', '--json']));
  assert.equal(provider.provider_key, 'mock');
});

test('two commands at once share the embedded database', async (t) => {
  const dataDir = temporaryFolder(t);
  const create = (name: string) =>
    json(llmproxy(['keys', 'create', name, '--json', '--data-dir', dataDir], { cwd: dataDir }));
  const [a, b] = await Promise.all([create('a'), create('b')]);
  assert.deepEqual([a.id, b.id].sort(), [1, 2]);
});

test('a data directory that cannot be created is a failure that names it', async () => {
  const { code, stderr } = await llmproxy(['keys', 'list', '--data-dir', '/dev/null/x']);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^error: cannot create the data directory \/dev\/null\/x: .*\nchoose another/,
  );
});
