import assert from 'node:assert/strict';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { connect } from '../../../src/db/client.js';
import { startDaemon } from '../../support/daemon.js';
import { openAi } from '../../support/openai.js';
import { emptyDatabase, testDirectory } from '../../support/postgres.js';
import { until } from '../../support/until.js';
import { answerChat, startUpstream } from '../../support/upstream.js';
import { llmproxy, temporaryFolder } from '../llmproxy.js';

const tables = [
  ...['providers', 'credentials', 'config_version', 'config_history', 'config_changes'],
  ...['audit_log', 'audit_chain', 'secret_key', 'request_logs', 'teams'],
];

async function contents(dbUrl: string): Promise<Record<string, string[]>> {
  const sql = connect(dbUrl, { max: 1 });
  try {
    const found: Record<string, string[]> = {};
    for (const table of tables) {
      const rows = await sql.unsafe(`SELECT to_jsonb(t)::text AS row FROM ${table} t ORDER BY 1`);
      found[table] = rows.map(({ row }) => row);
    }
    return found;
  } finally {
    await sql.end();
  }
}

test('a backup of a running gateway is restored as it was, secrets, history and numbers included', async (t) => {
  const upstream = await startUpstream(t, answerChat);
  const daemon = await startDaemon(t);
  const add = await daemon.cli([
    ...['provider', 'add', 'main', '--api-base', upstream.url, '--api-key', 'sk-main-0123456789'],
    ...['--header', 'x-secret: header-secret'],
  ]);
  assert.equal(add.code, 0, add.stderr);
  const key = (await daemon.cli(['keys', 'create', 'älice "\\t\\\\ \\.'])).stdout.trim();
  for (const name of ['bob', 'gone']) await daemon.cli(['keys', 'create', name]);
  await daemon.cli(['keys', 'delete', 'gone', '--yes']);
  for (let i = 0; i < 3; i++) {
    await openAi(daemon, key).chat.completions.create({
      model: `m\t${i}`,
      messages: [{ role: 'user', content: 'hi' }],
    });
  }
  await until('the rows of the requests', async () => {
    const [row] = await daemon.sql`SELECT count(*)::int AS rows FROM request_logs`;
    return row?.rows === 3;
  });
  const folder = temporaryFolder(t);
  const file = join(folder, 'backup.gz');
  const written = await daemon.cli(['backup', file]);
  assert.equal(written.code, 0, written.stderr);
  assert.match(written.stdout, /1 provider, 2 keys, 3 requests/);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const text = gunzipSync(readFileSync(file)).toString();
  for (const secret of ['sk-main-0123456789', 'header-secret', key]) {
    assert.ok(!text.includes(secret), secret);
  }

  const target = await emptyDatabase(t);
  const { dbUrl } = target;
  const home = testDirectory();
  const dataDir = join(home, 'data');
  mkdirSync(dataDir);
  copyFileSync(join(daemon.dataDir, 'secret-key'), join(dataDir, 'secret-key'));
  const env = { DB_URL: dbUrl, LLMPROXY_DATA_DIR: dataDir };
  // Beside the gateway, which uses another database.
  const restored = await daemon.cli(['restore', file], { env: { DB_URL: dbUrl } });
  assert.equal(restored.code, 0, restored.stderr);
  assert.match(restored.stdout, /1 provider, 2 keys, 3 requests/);
  assert.equal(restored.stderr, '');
  assert.deepEqual(await contents(dbUrl), await contents(daemon.dbUrl ?? ''));
  const verified = await llmproxy(['audit', 'verify'], { env });
  assert.equal(verified.code, 0, verified.stderr);
  const created = await llmproxy(['keys', 'create', 'new', '--json'], { env });
  assert.equal(JSON.parse(created.stdout).id, 4, 'no number is given twice');

  const second = await startDaemon(t, { home, database: target });
  const answer = await openAi(second, key).chat.completions.create({
    model: 'm',
    messages: [{ role: 'user', content: 'hi' }],
  });
  assert.ok(answer.choices.length > 0);
  const authorization = upstream.received.at(-1)?.headers.authorization;
  assert.equal(authorization, 'Bearer sk-main-0123456789');
});

test('an embedded database is backed up and restored into another', async (t) => {
  const [from, to] = [temporaryFolder(t), temporaryFolder(t)];
  const at = (dataDir: string, args: string[]) =>
    llmproxy(args, { cwd: from, env: { LLMPROXY_DATA_DIR: dataDir, HOME: dataDir } });
  assert.equal((await at(from, ['keys', 'create', 'alice'])).code, 0);
  const written = await at(from, ['backup']);
  const [, file = ''] = /^wrote (llmproxy-[\dT-]+Z\.gz): /m.exec(written.stdout) ?? [];
  assert.ok(existsSync(join(from, file)), written.stdout + written.stderr);
  const restored = await at(to, ['restore', file]);
  assert.equal(restored.code, 0, restored.stderr);
  assert.match((await at(to, ['keys', 'list'])).stdout, /alice/);
  const again = await at(to, ['restore', file]);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /not empty \(there are rows in credentials\)/);
});

test('a backup replaces no file, a restore no row, and a damaged backup restores nothing', async (t) => {
  const daemon = await startDaemon(t);
  await daemon.cli(['keys', 'create', 'alice']);
  const folder = temporaryFolder(t);
  const file = join(folder, 'backup.gz');
  writeFileSync(file, 'precious');
  const there = await daemon.cli(['backup', file]);
  assert.deepEqual([there.code, readFileSync(file, 'utf8')], [1, 'precious']);
  assert.match(there.stderr, /exists, and is not replaced/);
  const nowhere = await daemon.cli(['backup', join(folder, 'no/backup.gz')]);
  assert.match(nowhere.stderr, /cannot write .*ENOENT/);
  const good = join(folder, 'good.gz');
  assert.equal((await daemon.cli(['backup', good, '--no-requests'])).code, 0);
  const running = await daemon.cli(['restore', good]);
  assert.match(running.stderr, /a gateway runs here \(pid \d+\)/);
  const elsewhere = await llmproxy(['restore', good], {
    env: { DB_URL: daemon.dbUrl ?? '', LLMPROXY_DATA_DIR: temporaryFolder(t) },
  });
  assert.match(elsewhere.stderr, /not empty/);

  const { dbUrl } = await emptyDatabase(t);
  const env = { DB_URL: dbUrl, LLMPROXY_DATA_DIR: temporaryFolder(t) };
  const text = gunzipSync(readFileSync(good)).toString();
  const lines = text.split('\n');
  const head = JSON.parse(lines[0] ?? '');
  const damaged: Record<string, [Buffer, RegExp]> = {
    'no gzip': [Buffer.from('hello'), /this is not a backup/],
    'no backup': [gzipSync('{"a":1}\n'), /this is not a backup/],
    empty: [gzipSync(''), /damaged or cut off/],
    'cut off': [gzipSync(text.slice(0, -20)), /damaged or cut off/],
    'cut gzip': [readFileSync(good).subarray(0, -30), /damaged or cut off/],
    'a row less': [
      gzipSync(text.replace(/\n1\talice[^\n]*|\n[^\n]*\talice\t[^\n]*/, '')),
      /damaged/,
    ],
    'a newer schema': [
      gzipSync([JSON.stringify({ ...head, schema: 999 }), ...lines.slice(1)].join('\n')),
      /whose schema 999 is newer/,
    ],
    'a newer format': [
      gzipSync([JSON.stringify({ ...head, format_version: 2 }), ...lines.slice(1)].join('\n')),
      /is of format 2/,
    ],
    'SQL in place of bounds': [
      gzipSync(text.replace(/"bounds":"[^"]*"/, '"bounds":"DEFAULT; DROP TABLE providers"')),
      /damaged or cut off/,
    ],
  };
  for (const [what, [bytes, message]] of Object.entries(damaged)) {
    const bad = join(folder, 'bad.gz');
    writeFileSync(bad, bytes);
    const outcome = await llmproxy(['restore', bad], { env });
    assert.equal(outcome.code, 1, what);
    assert.match(outcome.stderr, message, what);
  }
  const finally_ = await llmproxy(['restore', good, '--json'], { env });
  assert.equal(finally_.code, 0, finally_.stderr);
  assert.equal(JSON.parse(finally_.stdout).rows.credentials, 1);
  for (const [file, message] of [
    [join(folder, 'absent.gz'), /^error: there is no file .*absent\.gz\n/],
    [folder, /^error: .* is a directory\n/],
  ] as const) {
    const outcome = await llmproxy(['restore', file], { env });
    assert.deepEqual([outcome.code, message.test(outcome.stderr)], [2, true], outcome.stderr);
  }
});
