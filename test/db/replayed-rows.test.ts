import assert from 'node:assert/strict';
import { test } from 'node:test';
import { insertRequestLogs } from '../../src/db/queries/requests/insert-request-logs.js';
import { replayedRows } from '../../src/db/queries/requests/replayed-rows.js';
import { createRequestLogPartitions } from '../../src/db/queries/requests/request-log-partitions.js';
import { noClasses } from '../../src/dialects/usage.js';
import type { ReplayedRow } from '../../src/observe/usage/usage-row.js';
import { testDatabase } from '../support/postgres.js';
import { logRow } from '../support/usage-row.js';

const day = { since: new Date('2026-03-10T00:00:00Z'), until: new Date('2026-03-11T00:00:00Z') };

test('rows come back as they were stored, in the order of their starts, without copies', async (t) => {
  const { sql } = await testDatabase(t);
  const at = (ms: number) => Date.parse('2026-03-10T12:00:00Z') + ms;
  const plain = logRow({ started_ms: at(0), cost_nano: null, need_input: 3, need_nano: 0 });
  const odd = logRow({
    started_ms: at(0.25),
    model: 'a,"b"\n\t\u0001{}',
    end_user: "o'é\\",
    tags: ['x', 'y,"z"'],
    prompt_tokens: null,
    completion_tokens: null,
    usage_classes: { ...noClasses, input: 7, cacheRead: 2, tier: 'flex' },
    provider: null,
    model_sent: null,
    error: 'rate_limit_exceeded',
    cost_nano: 9_007_199_254_740_991,
    duration_ms: 0.125,
    upstream_ms: 0,
  });
  const like = { ...plain, uid: logRow().uid, started_ms: at(1), duration_ms: 3, cost_nano: 5 };
  const copy = logRow({ started_ms: at(2), mirror: 'm' });
  const before = logRow({ started_ms: day.since.getTime() - 1 });
  const after = logRow({ started_ms: day.until.getTime() });
  await createRequestLogPartitions(sql, ['2026-03-09', '2026-03-10', '2026-03-11']);
  await insertRequestLogs(sql, [like, odd, copy, plain, before, after]);
  const found: ReplayedRow[] = [];
  for await (const part of replayedRows(sql, day.since, day.until)) found.push(...part);
  const flat = found.map(({ kind, ...row }) => ({ ...row, ...kind }));
  assert.equal(flat.length, 3);
  for (const [index, stored] of [plain, odd, like].entries()) {
    const read = flat[index] ?? assert.fail();
    const same = Object.fromEntries(
      Object.keys(read).map((name) => [name, Reflect.get(stored, name)]),
    );
    assert.deepEqual(read, same);
  }
  assert.equal(found[0]?.kind, found[2]?.kind, 'what they share is read once');
});
