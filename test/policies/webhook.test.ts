import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { maxBacklogBytes } from '../../src/policies/guardrails/backlog.js';
import { until } from '../support/until.js';
import { type Answer, startUpstream } from '../support/upstream.js';
import {
  answerIn,
  answers,
  clientDialects,
  guarded,
  guardrail,
  pathOf,
  post,
  requestIn,
  streamIn,
  textIn,
} from './guarded.js';

interface Checked {
  phase: string;
  texts: { index: number; at: string; text: string; before?: string }[];
}

const verdict =
  (of: (checked: Checked) => object): Answer =>
  ({ body }, response) => {
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify(of(JSON.parse(body.toString()))));
  };
const pass = verdict(() => ({ verdict: 'pass' }));

test('a webhook gets the texts, signed, with their key, team and model', async (t) => {
  const secret = 'whsec-of-the-test';
  const hook = await startUpstream(t, pass);
  const url = `${hook.url}/check`;
  const rows = [guardrail('ours', 'webhook', { url, secret })];
  const { origin, last } = await guarded(t, rows, 'openai.chat', answers('openai.chat', ['fine']));
  const path = pathOf('openai.chat', false);
  const { status } = await post(origin, path, requestIn('openai.chat', 'check me'));
  assert.equal(status, 200);
  assert.deepEqual(
    hook.received.map(({ body }) => JSON.parse(body.toString()).phase),
    ['request', 'answer'],
  );
  const [{ headers, body, path: asked } = assert.fail()] = hook.received;
  assert.equal(asked, '/v1/check');
  const told = JSON.parse(body.toString());
  assert.deepEqual(told.texts, [{ index: 0, at: 'messages[0].content', text: 'check me' }]);
  assert.equal(told.guardrail, 'ours');
  assert.equal(told.model, 'm');
  assert.equal(told.endpoint, '/v1/chat/completions');
  assert.equal(told.request_id, headers['x-request-id']);
  const [, time = '', mac] =
    /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['x-llmproxy-signature'])) ?? [];
  assert.ok(Math.abs(Number(time) - Date.now() / 1000) < 60);
  assert.equal(mac, createHmac('sha256', secret).update(`${time}.`).update(body).digest('hex'));
  const [outcome] = last()?.guardrails ?? [];
  assert.equal(outcome?.verdict, 'passed');
  assert.ok((outcome?.took_ms ?? 0) > 0);
});

test('a webhook refuses with a reason, in the prompt and in the answer', async (t) => {
  const hook = await startUpstream(
    t,
    verdict(({ texts }) =>
      texts.some(({ text }) => text.includes('bad'))
        ? { verdict: 'refuse', reason: 'Too bad.' }
        : { verdict: 'pass' },
    ),
  );
  const rows = [guardrail('ours', 'webhook', { url: hook.url })];
  const { origin, provider, last } = await guarded(
    t,
    rows,
    'openai.chat',
    answers('openai.chat', ['so bad']),
  );
  const path = pathOf('openai.chat', false);
  const refused = await post(origin, path, requestIn('openai.chat', 'a bad prompt'));
  assert.equal(refused.status, 400);
  assert.match(refused.text, /The guardrail \\"ours\\" does not allow this request: Too bad\./);
  assert.equal(provider.received.length, 0);
  const second = await post(origin, path, requestIn('openai.chat', 'a good prompt'));
  assert.equal(second.status, 400);
  assert.equal(JSON.parse(second.text).error.code, 'guardrail_blocked');
  assert.equal(last()?.guardrails?.[1]?.verdict, 'refused');
});

for (const dialect of clientDialects) {
  test(`a webhook edits texts, whole and in a stream: ${dialect}`, async (t) => {
    const hook = await startUpstream(
      t,
      verdict(({ texts }) => ({
        verdict: 'edit',
        edits: texts.flatMap(({ index, text }) => {
          const start = text.indexOf('cat');
          return start < 0 ? [] : [{ index, start, end: start + 3, text: 'dog "1"' }];
        }),
      })),
    );
    const rows = [guardrail('ours', 'webhook', { url: hook.url, window_chars: 50 })];
    const said = `${'The long story of a '.repeat(5)}cat and its friends.`;
    const pieces = said.match(/.{1,9}/gs) ?? [];
    const { origin, provider } = await guarded(t, rows, dialect, answers(dialect, pieces));
    for (const stream of [false, true]) {
      const { status, text } = await post(
        origin,
        pathOf(dialect, stream),
        requestIn(dialect, 'my cat', stream),
      );
      assert.equal(status, 200, text);
      assert.equal(textIn(dialect, text, stream), said.replace('cat', 'dog "1"'));
      assert.match(provider.received.at(-1)?.body.toString() ?? '', /my dog \\"1\\"/);
    }
  });
}

test('windows overlap, so that matches over a boundary are found', async (t) => {
  const hook = await startUpstream(
    t,
    verdict(({ texts }) =>
      texts.some(({ text }) => text.includes('forbidden words'))
        ? { verdict: 'refuse' }
        : { verdict: 'pass' },
    ),
  );
  const rows = [
    guardrail('ours', 'webhook', { url: hook.url, window_chars: 100 }, { phases: ['answer'] }),
  ];
  for (const shift of [0, 43, 45, 47, 49, 95]) {
    const said = `${'x '.repeat(50 + shift)}forbidden words${' y'.repeat(90)}`;
    const events = streamIn('openai.chat', said.match(/.{1,10}/gs) ?? [])
      .toString()
      .split(/(?<=\n\n)/);
    const { origin } = await guarded(t, rows, 'openai.chat', async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const event of events) {
        response.write(event);
        await pause(2);
      }
      response.end();
    });
    const { text } = await post(
      origin,
      pathOf('openai.chat', true),
      requestIn('openai.chat', 'hi', true),
    );
    assert.match(text, /guardrail_blocked/, `shift ${shift}`);
    assert.ok(!/forbidden|words/.test(text), text);
  }
});

test('the first windows of a stream are small, so that its text begins soon', async (t) => {
  const hook = await startUpstream(t, pass);
  const config = { url: hook.url, window_chars: 400 };
  const rows = [guardrail('ours', 'webhook', config, { phases: ['answer'] })];
  const events = streamIn('openai.chat', Array<string>(150).fill('ten chars ')).toString();
  const { origin } = await guarded(t, rows, 'openai.chat', async (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const event of events.split(/(?<=\n\n)/)) {
      response.write(event);
      await pause(2);
    }
    response.end();
  });
  const path = pathOf('openai.chat', true);
  const { text } = await post(origin, path, requestIn('openai.chat', 'hi', true));
  assert.equal(textIn('openai.chat', text, true), 'ten chars '.repeat(150));
  const [first = 0, second = 0, third = 0, ...rest] = hook.received.map(
    ({ body }) => JSON.parse(body.toString()).texts[0].text.length,
  );
  // Each but the first begins with 64 or more characters of the one before it.
  assert.ok(first >= 96 && first < 200, `${first}`);
  assert.ok(second >= 256 && second < 400, `${second}`);
  assert.ok(third >= 448 && rest.length > 0, `${third}`);
});

for (const stream of [true, false]) {
  for (const phases of [['request'], ['answer']] as const) {
    const what = `a monitored ${phases} waits for no check: ${stream ? 'a stream' : 'whole'}`;
    test(`${what}, and its record has the verdict`, async (t) => {
      const checks: (() => void)[] = [];
      const hook = await startUpstream(t, (_request, response) => {
        checks.push(() => response.writeHead(200).end('{"verdict":"refuse"}'));
      });
      const config = { url: hook.url, window_chars: 50, timeout_ms: 10_000, retries: 0 };
      const rows = [
        guardrail('ours', 'webhook', config, { phases: [...phases], mode: 'monitor' }),
        guardrail('pii', 'pii', {}, { mode: 'monitor', phases: ['answer'] }),
      ];
      // A short answer arrives whole before it is passed on, also without guardrails.
      const said = `${'ten chars '.repeat(stream ? 30 : 80_000)} to alice@example.com`;
      const body = stream
        ? streamIn('openai.chat', said.match(/.{1,10}/g) ?? [])
        : Buffer.from(answerIn('openai.chat', said));
      const halves = [body.subarray(0, body.length / 2), body.subarray(body.length / 2)];
      let sendRest = () => {};
      const { origin, gateway, last } = await guarded(t, rows, 'openai.chat', (_, response) => {
        const type = stream ? 'text/event-stream' : 'application/json';
        response.writeHead(200, { 'content-type': type }).write(halves[0]);
        sendRest = () => response.end(halves[1]);
      });
      const startMs = performance.now();
      const answer = await fetch(origin + pathOf('openai.chat', stream), {
        method: 'POST',
        body: requestIn('openai.chat', 'hi', stream).toString(),
        signal: AbortSignal.timeout(30_000),
      });
      const reader = answer.body?.getReader() ?? assert.fail();
      let text = '';
      const read = async () => {
        const { done, value } = await reader.read();
        text += Buffer.from(value ?? []).toString();
        return !done;
      };
      assert.ok(await read(), 'its beginning is passed on');
      sendRest();
      while (await read());
      assert.ok(text === body.toString());
      await until('the check', () => checks.length > 0);
      assert.equal(last(), undefined, 'its record waits for the check');
      const passedMs = performance.now() - startMs;
      assert.equal(gateway.unrecorded.size, 1, 'so that a stop does too');
      const answering = setInterval(() => checks.shift()?.(), 10);
      await until('the record', () => last() !== undefined);
      clearInterval(answering);
      const { guardrails, error, complete, totalMs } = last() ?? assert.fail();
      assert.ok(totalMs <= passedMs, `${totalMs} ms without the check`);
      assert.equal(gateway.unrecorded.size, 0);
      assert.deepEqual(guardrails?.map(({ guardrail, verdict }) => [guardrail, verdict]).sort(), [
        ['ours', 'would_refuse'],
        ['pii', 'would_edit'],
      ]);
      assert.deepEqual([error, complete], [null, true]);
    });
  }
}

test('no more texts await a check than there is memory for, and the record says so', async (t) => {
  const hook = await startUpstream(t, () => {});
  const rows = [
    guardrail('ours', 'webhook', { url: hook.url }, { mode: 'monitor' }),
    guardrail('held', 'pii', {}, { phases: ['answer'] }),
    guardrail('seen', 'pii', {}, { mode: 'monitor', phases: ['answer'] }),
  ];
  const { origin, gateway, last } = await guarded(
    t,
    rows,
    'openai.chat',
    answers('openai.chat', ['ok']),
  );
  const release = gateway.backlog.take(maxBacklogBytes) ?? assert.fail();
  assert.equal(gateway.backlog.take(1), null);
  const path = pathOf('openai.chat', false);
  assert.equal((await post(origin, path, requestIn('openai.chat', 'hi'))).status, 200);
  assert.equal(hook.received.length, 0);
  assert.equal(last()?.error, 'guardrail_skipped');
  const tooMany = 'too many texts await their check';
  assert.deepEqual(
    last()
      ?.guardrails?.map(({ guardrail, phase, found }) => `${guardrail} ${phase} ${found}`)
      .sort(),
    [
      'held answer ',
      ...['ours answer', 'ours request', 'seen answer'].map((of) => `${of} ${tooMany}`),
    ],
  );
  release();
  assert.ok(gateway.backlog.take(maxBacklogBytes));
});

const failures: [string, Answer, RegExp][] = [
  ['is slow', () => {}, /./],
  ['breaks the connection', (_request, response) => response.socket?.destroy(), /./],
  [
    'answers with an error',
    (_request, response) => response.writeHead(500).end('oops'),
    /answered 500/,
  ],
  ['refuses to be asked', (_request, response) => response.writeHead(401).end(), /answered 401/],
  [
    'says nothing of use',
    (_request, response) => response.writeHead(200).end('{"ok":true}'),
    /no verdict/,
  ],
  ['answers no JSON', (_request, response) => response.writeHead(200).end('<html>'), /no JSON/],
  [
    'lies about what it edits',
    verdict(() => ({ verdict: 'edit', edits: [{ index: 7, text: 'x' }] })),
    /fits no text/,
  ],
  [
    'edits beyond the text',
    verdict(() => ({ verdict: 'edit', edits: [{ index: 0, start: 1, end: 99, text: 'x' }] })),
    /fits no text/,
  ],
  [
    'answers for ever',
    (_request, response) => response.writeHead(200).end(`"${'x'.repeat(2_000_000)}"`),
    /more than/,
  ],
];

for (const [what, answer, reason] of failures) {
  test(`a webhook that ${what} follows its mode, and is reported as an error`, async (t) => {
    const hook = await startUpstream(t, answer);
    const config = { url: hook.url, timeout_ms: 300, retries: 0 };
    const path = pathOf('openai.chat', false);
    const closed = await guarded(
      t,
      [guardrail('ours', 'webhook', config)],
      'openai.chat',
      answers('openai.chat', ['ok']),
    );
    const refused = await post(closed.origin, path, requestIn('openai.chat', 'hi'));
    assert.equal(refused.status, 503);
    const { error } = JSON.parse(refused.text);
    assert.equal(error.code, 'guardrail_failed');
    assert.equal(refused.headers['retry-after'], '5');
    assert.equal(closed.provider.received.length, 0);
    const [outcome] = closed.last()?.guardrails ?? [];
    assert.equal(outcome?.verdict, 'error');
    assert.match(outcome?.found.join() ?? '', reason);

    const rows = [guardrail('ours', 'webhook', config, { on_error: 'open' })];
    const open = await guarded(t, rows, 'openai.chat', answers('openai.chat', ['ok']));
    const passed = await post(open.origin, path, requestIn('openai.chat', 'hi'));
    assert.equal(passed.status, 200);
    assert.equal(textIn('openai.chat', passed.text, false), 'ok');
    assert.equal(open.last()?.error, 'guardrail_skipped');
    assert.deepEqual(
      open.last()?.guardrails?.map(({ verdict }) => verdict),
      ['error', 'error'],
    );
  });
}

test('a webhook is retried within its time, and no more often than configured', async (t) => {
  let failing = 2;
  const hook = await startUpstream(t, (request, response) => {
    if (failing-- > 0) response.writeHead(503).end();
    else pass(request, response);
  });
  const rows = [
    guardrail(
      'ours',
      'webhook',
      { url: hook.url, retries: 2, timeout_ms: 5_000 },
      { phases: ['request'] },
    ),
  ];
  const { origin } = await guarded(t, rows, 'openai.chat', answers('openai.chat', ['ok']));
  const path = pathOf('openai.chat', false);
  assert.equal((await post(origin, path, requestIn('openai.chat', 'hi'))).status, 200);
  assert.equal(hook.received.length, 3);
  failing = 3;
  assert.equal((await post(origin, path, requestIn('openai.chat', 'hi'))).status, 503);
  assert.equal(hook.received.length, 6);
});

test('a webhook is not asked after five failures, and the record says so', async (t) => {
  const status = { of: 503 };
  const hook = await startUpstream(t, (request, response) => {
    if (status.of === 200) pass(request, response);
    else response.writeHead(status.of).end();
  });
  const down = guardrail('ours', 'webhook', { url: hook.url, retries: 0 }, { phases: ['request'] });
  for (const on_error of ['open', 'closed'] as const) {
    const { origin, last } = await guarded(
      t,
      [{ ...down, on_error }],
      'openai.chat',
      answers('openai.chat', ['ok']),
    );
    const ask = async () =>
      (await post(origin, pathOf('openai.chat', false), requestIn('openai.chat', 'hi'))).status;
    const expected = on_error === 'open' ? 200 : 503;
    const before = hook.received.length;
    // A failure caused by one request must not take the check away from others.
    status.of = 400;
    for (let times = 0; times < 7; times++) assert.equal(await ask(), expected);
    assert.equal(hook.received.length - before, 7);
    status.of = 503;
    for (let times = 0; times < 7; times++) assert.equal(await ask(), expected);
    assert.equal(hook.received.length - before, 12);
    assert.deepEqual(
      last()?.guardrails?.map(({ verdict, found }) => [verdict, found]),
      [['error', ['not asked, since it failed 5 times in a row: answered 503']]],
    );
  }
});

test('a webhook runs no more checks at once than configured', async (t) => {
  let now = 0;
  let most = 0;
  const hook = await startUpstream(t, async (request, response) => {
    most = Math.max(most, ++now);
    await pause(20);
    now--;
    pass(request, response);
  });
  const config = { url: hook.url, max_concurrency: 2, timeout_ms: 10_000 };
  const rows = [guardrail('ours', 'webhook', config, { phases: ['request'] })];
  const { origin } = await guarded(t, rows, 'openai.chat', answers('openai.chat', ['ok']));
  const path = pathOf('openai.chat', false);
  const all = await Promise.all(
    Array.from({ length: 10 }, () => post(origin, path, requestIn('openai.chat', 'hi'))),
  );
  assert.ok(all.every(({ status }) => status === 200));
  assert.equal(most, 2);
});

test('a refusal in the middle of a stream comes as an event of the dialect and ends it', async (t) => {
  const hook = await startUpstream(
    t,
    verdict(({ texts }) =>
      texts.some(({ text }) => text.includes('stop here'))
        ? { verdict: 'refuse' }
        : { verdict: 'pass' },
    ),
  );
  const rows = [
    guardrail('ours', 'webhook', { url: hook.url, window_chars: 60 }, { phases: ['answer'] }),
  ];
  for (const dialect of clientDialects) {
    const pieces = [
      ...Array.from({ length: 30 }, () => 'harmless '),
      'stop here',
      ...Array.from({ length: 30 }, () => ' more'),
    ];
    const { origin, last } = await guarded(t, rows, dialect, answers(dialect, pieces));
    const { status, text, whole } = await post(
      origin,
      pathOf(dialect, true),
      requestIn(dialect, 'hi', true),
    );
    assert.ok(whole, dialect);
    assert.ok(!text.includes('stop here'));
    if (status !== 200) continue;
    assert.match(text, /does not allow this answer/);
    if (dialect === 'anthropic.messages')
      assert.match(text, /event: error\ndata: \{"type":"error"/);
    assert.equal(last()?.error, 'guardrail_blocked');
    assert.equal(last()?.complete, false);
  }
});
