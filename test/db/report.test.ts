import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { connect } from '../../src/db/client.js';
import { literal, matches, ReportError, runReport } from '../../src/db/report.js';
import { testDatabase } from '../support/postgres.js';

const limits = `SELECT current_setting('statement_timeout') AS time,
  current_setting('temp_file_limit') AS room`;

test('a report has limits, which end with it', async (t) => {
  const { dbUrl, sql } = await testDatabase(t);
  assert.deepEqual(await runReport(sql, limits), [{ time: '1min', room: '2GB' }]);
  const role = `role_${randomBytes(4).toString('hex')}`;
  await sql.unsafe(`CREATE ROLE ${role} LOGIN PASSWORD 'own'`);
  const ownUrl = dbUrl
    .replace('user=llmproxy', `user=${role}`)
    .replace(/password=[^&]*/, 'password=own');
  const own = connect(ownUrl, { max: 1 });
  t.after(() => own.end({ timeout: 1 }));
  assert.deepEqual(await runReport(own, limits), [{ time: '1min', room: '-1' }]);
  assert.deepEqual([...(await own.unsafe(limits))], [{ time: '0', room: '-1' }]);
});

test('a report is not compiled', async (t) => {
  const { sql } = await testDatabase(t);
  const jit = "SELECT current_setting('jit') AS jit";
  assert.deepEqual(await runReport(sql, jit), [{ jit: 'off' }]);
  assert.deepEqual([...(await sql.unsafe(jit))], [{ jit: 'on' }]);
});

test('a report over its limits names the limit', async (t) => {
  const { sql } = await testDatabase(t);
  const tooLong = "SET LOCAL statement_timeout = '20ms'; SELECT pg_sleep(30)";
  await assert.rejects(runReport(sql, tooLong), (error) => {
    assert.ok(error instanceof ReportError);
    assert.match(error.message, /longer than 60 s/);
    return true;
  });
  const tooLarge = `SET LOCAL temp_file_limit = '64kB'; SET LOCAL work_mem = '64kB';
    SELECT count(*) FROM (SELECT n FROM generate_series(1, 100000) n ORDER BY random()) AS sorted`;
  await assert.rejects(runReport(sql, tooLarge), (error) => {
    assert.ok(error instanceof ReportError);
    assert.match(error.message, /temporary files/);
    return true;
  });
  await assert.rejects(runReport(sql, 'SELECT * FROM absent'), /"absent" does not exist/);
});

test('values stay values, whatever is in them', async (t) => {
  const { sql } = await testDatabase(t);
  for (const text of ["it's", 'a\\', "\\'; DROP TABLE providers; --", '%_*', '🙂\n', '']) {
    const [row] = await runReport<{ text: string }>(sql, `SELECT ${literal(text)} AS text`);
    assert.equal(row?.text, text);
    const [same] = await runReport<{ same: boolean }>(
      sql,
      `SELECT ${matches(literal(text), text)} AS same`,
    );
    assert.equal(same?.same, true, text);
  }
  const [row] = await runReport(
    sql,
    `SELECT ${literal(null)} AS none, ${literal(4.5)} AS n, ${literal(new Date(0))} AS at,
      ${literal('a\0b')} AS zero`,
  );
  assert.deepEqual(row, { none: null, n: '4.5', at: new Date(0), zero: 'a\ufffdb' });
  const match = async (text: string, pattern: string) =>
    (await runReport<{ is: boolean }>(sql, `SELECT ${matches(literal(text), pattern)} AS is`))[0]
      ?.is;
  assert.equal(await match('gpt-4o-mini', 'gpt-4o*'), true);
  assert.equal(await match('gpt_4o', 'gpt-*'), false);
  assert.equal(await match('a_b%c\\', 'a_b%*'), true);
  assert.equal(await match('axb%c', 'a_b%*'), false);
});
