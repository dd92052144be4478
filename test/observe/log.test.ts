import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { GatewayEvent } from '../../src/observe/event.js';
import type { LogOptions } from '../../src/observe/log.js';
import type { RequestFinished } from '../../src/observe/request-event.js';
import { testDirectory } from '../support/postgres.js';
import { until } from '../support/until.js';
import type { LogReport, LogTask } from './log-process.js';
import { finished as finishedChat } from './usage/finished.js';

const json: LogOptions = { level: 'info', requests: true, readable: false };

test('a stopped reader costs lines, not memory or time, and their number is logged', async (t) => {
  const child = start(t, 'pipe');
  const event = request({ requestId: 'x'.repeat(100) });
  const before = await run(child, { options: json, event, times: 5_000 });
  const blocked = await run(child, { options: json, event, times: 100_000 });
  assert.ok(blocked.droppedLines > 50_000, `${blocked.droppedLines} lines dropped`);
  const grownBytes = blocked.rssBytes - before.rssBytes;
  assert.ok(grownBytes < 60e6, `grew by ${grownBytes} bytes`);

  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  const notice = await until('the line that tells', () => /.*log_lines_dropped.*/.exec(text)?.[0]);
  assert.equal(JSON.parse(notice).dropped, blocked.droppedLines);
  const after = await run(child, {
    options: json,
    event: request({ requestId: 'later' }),
    times: 1,
  });
  assert.equal(after.droppedLines, blocked.droppedLines);
  await until('the later line', () => text.includes('"later"'));
  const written = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).event);
  assert.equal(written.length, 105_000 - blocked.droppedLines + 2);
});

test('the process survives a reader that has gone', async (t) => {
  const child = start(t, 'pipe');
  await run(child, { options: json, event: request({}), times: 1 });
  child.stdout?.destroy();
  await run(child, { options: json, event: request({}), times: 1_000 });
  const later = await run(child, { options: json, event: request({}), times: 1_000 });
  assert.ok(later.droppedLines > 0);
  assert.equal(child.exitCode, null);
});

test('the process survives a full disk and loses lines', {
  skip: !existsSync('/dev/full') && 'there is no /dev/full',
}, async (t) => {
  const full = openSync('/dev/full', 'w');
  t.after(() => closeSync(full));
  const child = start(t, full);
  await run(child, { options: json, event: request({}), times: 500 });
  await until('a lost line', async () => {
    const report = await run(child, { options: json, event: request({}), times: 1 });
    return report.droppedLines > 0;
  });
  assert.equal(child.exitCode, null);
});

test('a file gets every line', async (t) => {
  const path = join(testDirectory(), 'log');
  const file = openSync(path, 'w');
  t.after(() => closeSync(file));
  const child = start(t, file);
  const report = await run(child, { options: json, event: request({}), times: 1_000 });
  assert.equal(report.droppedLines, 0);
  const lines = () => readFileSync(path, 'utf8').trimEnd().split('\n');
  await until('all lines', () => lines().length === 1_000);
  for (const line of lines()) assert.equal(JSON.parse(line).requestId, 'r1');
});

test('the line of a request has its id and measurements, but none of its text', async (t) => {
  const text = {
    operation: 'chat' as const,
    request: Buffer.from('secret'),
    answer: [],
    truncated: false,
  };
  const body = { bytes: Buffer.from('secret'), totalBytes: 6 };
  const bodies = { request: body, response: body };
  const line = await lineOf(t, json, request({ uncounted: text, bodies }));
  const { timestamp, ...fields } = JSON.parse(line);
  assert.match(timestamp, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assert.equal(fields.level, 'info');
  assert.equal(fields.event, 'request_finished');
  assert.equal(fields.requestId, 'r1');
  assert.equal(fields.status, 200);
  assert.ok(!('uncounted' in fields) && !('bodies' in fields));
});

test('request lines are optional', async (t) => {
  const child = start(t, 'pipe');
  const options = { ...json, requests: false };
  await run(child, { options, event: request({}), times: 10 });
  await run(child, { options, event: { type: 'auth_off' }, times: 1 });
  assert.equal(JSON.parse(await firstLine(child)).event, 'auth_off');
});

test('text of a client cannot forge lines, move the cursor or change direction', async (t) => {
  const model = 'gpt\n00:00:00 error forged\r\u001b[2J\u009b31m\u2028\u202eevil\u007f';
  for (const readable of [true, false]) {
    const line = await lineOf(t, { ...json, readable }, request({ model }));
    assert.doesNotMatch(line.replaceAll('\u001b[32minfo\u001b[39m', ''), /[\p{Cc}\u2028\u202e]/u);
    assert.match(line, /\\u000a00:00:00 error forged|\\n00:00:00 error forged/);
  }
});

test('a message of several lines is one entry, with later lines indented', async (t) => {
  const problems = ['a.yaml: x is wrong', 'b.yaml: y\n00:00:00 error forged'];
  const child = start(t, 'pipe');
  const options = { ...json, readable: true };
  await run(child, { options, event: { type: 'config_rejected', problems }, times: 1 });
  const [first = '', ...more] = (await output(child)).trimEnd().split('\n');
  assert.match(first, /^\d\d:\d\d:\d\d /);
  assert.ok(more.length >= 3);
  for (const line of more) assert.match(line, /^ {2}/);
});

test('levels have colours, unless NO_COLOR is set', async (t) => {
  const options = { ...json, readable: true };
  const coloured = await lineOf(t, options, request({}));
  assert.ok(coloured.includes('\u001b[32minfo\u001b[39m'));
  const plain = await lineOf(t, options, request({}), { NO_COLOR: '1' });
  assert.match(plain, /^\d\d:\d\d:\d\d info POST \/v1\/chat\/completions 200 .*\(r1\)$/);
});

function start(t: TestContext, stdout: 'pipe' | number, env: Record<string, string> = {}) {
  const { NO_COLOR, ...inherited } = process.env;
  const child = fork(fileURLToPath(new URL('./log-process.js', import.meta.url)), {
    stdio: ['ignore', stdout, 'inherit', 'ipc'],
    serialization: 'advanced',
    execArgv: ['--max-semi-space-size=2'],
    env: { ...inherited, ...env },
  });
  t.after(() => child.kill('SIGKILL'));
  return child;
}

async function run(child: ChildProcess, task: LogTask): Promise<LogReport> {
  child.send(task);
  const [report] = await once(child, 'message');
  return report as LogReport;
}

async function lineOf(
  t: TestContext,
  options: LogOptions,
  event: GatewayEvent,
  env?: Record<string, string>,
): Promise<string> {
  const child = start(t, 'pipe', env);
  await run(child, { options, event, times: 1 });
  return await firstLine(child);
}

async function firstLine(child: ChildProcess): Promise<string> {
  return (await output(child)).split('\n')[0] ?? '';
}

async function output(child: ChildProcess): Promise<string> {
  const [piece] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  return piece.toString('utf8');
}

function request(more: Partial<RequestFinished>): RequestFinished {
  return finishedChat({
    requestId: 'r1',
    credential: null,
    model: 'gpt-4o',
    modelSent: null,
    provider: 'a',
    totalMs: 10,
    upstreamMs: 9,
    firstTokenMs: null,
    ...more,
  });
}
