import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Control } from '../../src/admin/control.js';
import { type ReportOf, Reports } from '../../src/admin/reports.js';
import type { AdminRequest } from '../../src/admin/route.js';
import { explainRoutes } from '../../src/admin/routes/explain.js';
import { requestRoutes } from '../../src/admin/routes/requests.js';
import { usageRoutes } from '../../src/admin/routes/usage.js';
import type { AdminRole } from '../../src/config/settings/settings-types.js';
import { connect, type Sql } from '../../src/db/client.js';
import { ReportError } from '../../src/db/report.js';
import { GatewayError } from '../../src/errors.js';

const nobody = connect('postgres://u@127.0.0.1:1/d');
const forever = new AbortController().signal;
const usage = (key: string, signal = forever, role: AdminRole = 'admin') =>
  ({ kind: 'usage', key, role, signal }) as const;

test('equal requests share a report, and others of its kind wait for their turn', async () => {
  const reports = new Reports(() => nobody);
  const work = openWork();
  const same = [reports.run(usage('a'), work.run), reports.run(usage('a'), work.run)];
  const other = reports.run(usage('b'), work.run);
  const elsewhere = reports.run({ ...usage('a'), kind: 'explain' }, work.run);
  await turns();
  assert.equal(work.running.length, 2);
  work.running[1]?.resolve('explained');
  assert.equal(await elsewhere, 'explained');
  work.running[0]?.resolve('first');
  assert.deepEqual(await Promise.all(same), ['first', 'first']);
  await turns();
  assert.equal(work.running.length, 3);
  work.running[2]?.resolve('second');
  assert.equal(await other, 'second');
  const again = reports.run(usage('a'), work.run);
  await turns();
  work.running[3]?.resolve('third');
  assert.equal(await again, 'third');
});

test('a report is cancelled when its last client has left, not before', async () => {
  const reports = new Reports(() => nobody);
  const work = openWork();
  const [one, two] = [new AbortController(), new AbortController()];
  const asked = [one, two].map(({ signal }) => reports.run(usage('a', signal), work.run));
  const next = reports.run(usage('b'), work.run);
  await turns();
  one.abort();
  await assert.rejects(asked[0] as Promise<unknown>, { code: 'unavailable' });
  assert.equal(work.running[0]?.signal.aborted, false);
  two.abort();
  await assert.rejects(asked[1] as Promise<unknown>, { code: 'unavailable' });
  assert.equal(work.running[0]?.signal.aborted, true);
  work.running[0]?.reject(new Error('cancelled'));
  await turns();
  work.running[1]?.resolve('next');
  assert.equal(await next, 'next');
});

test('a report whose clients left before its turn is not started', async () => {
  const reports = new Reports(() => nobody);
  const work = openWork();
  const first = reports.run(usage('a'), work.run);
  const leaving = new AbortController();
  const left = reports.run(usage('b', leaving.signal), work.run);
  leaving.abort();
  await assert.rejects(left, { code: 'unavailable' });
  await turns();
  work.running[0]?.resolve('first');
  assert.equal(await first, 'first');
  await turns();
  assert.equal(work.running.length, 1);
});

test('too many waiting reports are refused, and an excessive one gets its own error', async () => {
  const reports = new Reports(() => nobody);
  const work = openWork();
  const asked = Array.from({ length: 10 }, (_, n) => reports.run(usage(`${n}`), work.run));
  await assert.rejects(reports.run(usage('one more'), work.run), { code: 'overloaded' });
  for (const [n, result] of asked.entries()) {
    await turns();
    if (n > 0) work.running[n]?.resolve(n);
    else work.running[0]?.reject(new ReportError('it takes longer than 60 s'));
    await result.catch(() => {});
  }
  await assert.rejects(asked[0] as Promise<unknown>, (error: Error) => {
    assert.equal(Reflect.get(error, 'code'), 'report_timeout');
    assert.match(error.message, /longer than 60 s.*shorter period/);
    return true;
  });
  assert.deepEqual(await Promise.all(asked.slice(1)), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test('those who can change nothing wait in small numbers, and behind those who can', async () => {
  const reports = new Reports(() => nobody);
  const work = openWork();
  const ask = (key: string, role: AdminRole) => reports.run(usage(key, forever, role), work.run);
  const asked = ['0', '1', '2', '3', '4'].map((key) => ask(key, 'team:chat'));
  for (const role of ['viewer', 'team:other'] as const) {
    await assert.rejects(ask('one more', role), { code: 'overloaded' });
  }
  // Equal to one that waits, but not with it.
  asked.push(ask('4', 'admin'), ask('5', 'operator'));
  for (const [n, name] of ['0', '4 of admin', '5', '1', '2', '3', '4'].entries()) {
    await turns();
    assert.equal(work.running.length, n + 1);
    work.running[n]?.resolve(name);
  }
  assert.deepEqual(await Promise.all(asked), ['0', '1', '2', '3', '4', '4 of admin', '5']);
});

test('exports share no page, whatever ids their clients have chosen', async () => {
  const asked: ReportOf[] = [];
  const reports = {
    openExport: () => () => {},
    async run(report: ReportOf) {
      asked.push(report);
      throw new GatewayError('not_found', 'It is not there.');
    },
  };
  const route = usageRoutes.find(({ path }) => path === '/admin/v1/usage/export');
  assert.ok(route && !route.bulk);
  for (const team of ['one', 'two']) {
    const request = {
      query: new URLSearchParams('format=ndjson'),
      role: `team:${team}`,
      requestId: 'mine',
    };
    const exporting = async () =>
      route.handle(request as AdminRequest, { reports } as unknown as Control);
    await assert.rejects(exporting, { code: 'not_found' });
  }
  assert.deepEqual(
    asked.map(({ kind, role }) => `${kind} ${role}`),
    ['export team:one', 'export team:two'],
  );
  assert.notEqual(asked[0]?.key, asked[1]?.key);
});

test('ten exports run at once, and no page of theirs is refused', async () => {
  const reports = new Reports(() => nobody);
  const work = openWork();
  const ends = Array.from({ length: 4 }, () => reports.openExport('viewer'));
  const refused = (role: AdminRole) =>
    assert.throws(
      () => reports.openExport(role),
      (error: GatewayError) => {
        assert.equal(error.code, 'overloaded');
        assert.match(String(error.headers?.['retry-after']), /^\d+$/);
        return true;
      },
    );
  refused('team:chat');
  for (let n = 0; n < 6; n++) ends.push(reports.openExport('operator'));
  refused('admin');
  // A page may still be cancelled when its export has ended, and another one has begun.
  const pages = Array.from({ length: 12 }, (_, n) =>
    reports.run(
      { ...usage(`${n}`, new AbortController().signal, 'viewer'), kind: 'export' },
      work.run,
    ),
  );
  for (const [n, page] of pages.entries()) {
    await turns();
    work.running[n]?.resolve(n);
    assert.equal(await page, n);
  }
  ends[0]?.();
  ends[0]?.();
  ends.push(reports.openExport('viewer'));
  refused('viewer');
  refused('admin');
});

test('no request id makes an explanation share the report of a request’s bodies', async () => {
  const names: string[] = [];
  const control = {
    recent: { request: () => null },
    fleet: { explain: async () => null },
    reports: {
      async run({ kind, key }: ReportOf) {
        names.push(`${kind} ${key}`);
        throw new GatewayError('not_found', 'It is not there.');
      },
    },
  } as unknown as Control;
  const ask = async (path: string, request_id: string) => {
    const route = [...explainRoutes, ...requestRoutes].find((each) => each.path === path);
    assert.ok(route && !route.bulk);
    const request = { params: { request_id }, role: 'viewer', signal: forever };
    await assert.rejects(async () => route.handle(request as unknown as AdminRequest, control));
  };
  await ask('/admin/v1/requests/{request_id}/bodies', 'x');
  const [bodies = ''] = names;
  for (const id of ['x', bodies, bodies.replace(/^\w+ /, ''), 'bodies of x', 'bodies x']) {
    await ask('/admin/v1/explain/{request_id}', id);
  }
  assert.equal(names.length, 6);
  assert.ok(
    names.slice(1).every((name) => name !== bodies),
    names.join(),
  );
});

/** Reports that end on the test's command. */
function openWork() {
  const running: {
    resolve(value: unknown): void;
    reject(error: Error): void;
    signal: AbortSignal;
  }[] = [];
  const run = (_sql: Sql, signal: AbortSignal) =>
    new Promise<unknown>((resolve, reject) => running.push({ resolve, reject, signal }));
  return { running, run };
}

/** Lets promises settle. */
async function turns(): Promise<void> {
  for (let n = 0; n < 5; n++) await new Promise(setImmediate);
}
