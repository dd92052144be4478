import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect } from '../../../src/db/client.js';
import { json, usage, withOwnDatabase } from '../llmproxy.js';

test('the audit log is exported, verified, and compared with an export', async (t) => {
  const { run, dbUrl, dataDir } = await withOwnDatabase(t);
  for (const name of ['a', 'b', 'c']) await json(run(['keys', 'create', name, '--json']));
  const listed = await json(run(['audit', '--since', '1h', '--json']));
  assert.equal(listed.length, 3);
  const exported = await run(['audit', 'export', '--data-dir', dataDir]);
  assert.equal(exported.code, 0);
  const lines = exported.stdout.trimEnd().split('\n');
  const [first, second] = lines.map((line) => JSON.parse(line));
  assert.deepEqual([first.place, first.entry.object], [1, 'a']);
  assert.equal(second.previous, first.hash);
  const entry = lines[1]?.slice(lines[1].indexOf('"entry":') + 8, -1);
  assert.equal(createHash('sha256').update(`${first.hash}${entry}`).digest('hex'), second.hash);
  const rest = await run(['audit', 'export', '--after', '1']);
  assert.deepEqual(rest.stdout.trimEnd().split('\n'), lines.slice(1));

  const file = join(dataDir, 'audit.jsonl');
  writeFileSync(file, exported.stdout);
  const whole = await run(['audit', 'verify', '--against', file]);
  assert.equal(whole.code, 0);
  assert.match(whole.stdout, /^the audit log is intact: 3 changes\nplace 3, hash [0-9a-f]{64}\n$/);
  const last = JSON.parse(lines[2] ?? '');
  assert.deepEqual(await json(run(['audit', 'verify', '--json'])), {
    entries: 3,
    place: 3,
    hash: last.hash,
  });

  const sql = connect(dbUrl, { max: 1 });
  await sql`ALTER TABLE audit_log DISABLE TRIGGER USER`;
  await sql`UPDATE audit_log SET object = 'x' WHERE object = 'b'`;
  await sql.end();
  const forged = await run(['audit', 'verify']);
  assert.equal(forged.code, 1);
  assert.match(forged.stderr, /error: entry 2 is not as it was written/);
  writeFileSync(file, exported.stdout.replace('"object": "c"', '"object": "d"'));
  const changed = await run(['audit', 'verify', '--against', file]);
  assert.equal(changed.code, 1);
  assert.match(changed.stderr, /line 3 of the export is not as it was written/);
});

test('a missing export or an invalid place is a usage error', async () => {
  await usage(['audit', 'verify', '--against', '/absent'], /--against: .*\/absent/);
  await usage(['audit', 'export', '--after', '-1'], /--after/);
});
