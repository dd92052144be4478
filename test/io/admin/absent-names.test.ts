import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDaemon } from '../../support/daemon.js';

test('a row that names what does not exist is stored, and its author warned', async (t) => {
  const daemon = await startDaemon(t, {});
  await daemon.addProvider('main', { api_base: 'http://127.0.0.1:9' });
  await daemon.addKey('alice');
  await daemon.reload();
  const none = 'there is no provider "mian"; did you mean "main"?';
  const enabled = 'there is no enabled provider "mian"; did you mean "main"?';
  const rates = ['--input', '1', '--output', '1'];
  for (const [command, warning] of [
    [['stop', '--provider', 'mian'], none],
    [['stop', '--provider', 'mian', '--reason', 'again'], none],
    [['budgets', 'create', 'b', '--amount', '3', '--window', 'day', '--provider', 'mian'], none],
    [['prices', 'set', 'p', '--model', 'm', '--provider', 'mian', ...rates], none],
    [['guardrails', 'add', 'g', '--kind', 'pii', '--key', 'bob'], 'there is no key "bob"'],
    [['canary', 'start', 'c', '--from', 'mian', '--to', 'main', '--model', 'm'], enabled],
  ] as const) {
    const { code, stdout, stderr } = await daemon.cli([...command]);
    assert.equal(code, 0, stderr);
    assert.notEqual(stdout, '');
    assert.ok(stderr.includes(`warning: ${warning}`), `${command.join(' ')}: ${stderr}`);
  }
  const json = await daemon.cli(['budgets', 'update', 'b', '--team', 'x', '--json']);
  assert.deepEqual(JSON.parse(json.stderr), { warning: { message: 'there is no team "x"' } });
  assert.equal(JSON.parse(json.stdout).name, 'b');
  const right = await daemon.cli(['stop', '--key', 'alice']);
  assert.doesNotMatch(right.stderr, /warning/);
  const missing = await daemon.cli(['budgets', 'update', 'bb', '--amount', '1']);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /there is no budget "bb"; did you mean "b"\?/);
  const far = await daemon.cli(['budgets', 'show', 'something-else']);
  assert.match(far.stderr, /there is no budget "something-else"\n/);
});
