import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';
import { mockForTest, say } from '../../mock-provider/mock-for-test.js';
import { rawClient } from '../../server/support.js';
import { startDaemon } from '../../support/daemon.js';
import { engines } from '../../support/engines.js';
import { openAi } from '../../support/openai.js';
import { until } from '../../support/until.js';

for (const { engine, skip } of engines) {
  test(`a client that leaves ${engine}`, { skip }, async (t) => {
    const daemon = await startDaemon(t, { engine });
    const { mock } = await mockForTest(t, { chunks: 10_000, chunkIntervalMs: 5 });
    const { stats } = mock;
    await daemon.addProvider('mock', { api_base: mock.url });
    const key = await daemon.addKey('alice');
    await daemon.reload();
    const client = openAi(daemon, key);
    const aborted = async (act: () => Promise<unknown>) => {
      const before = stats.aborted;
      await act();
      const startMs = performance.now();
      await until('the abort upstream', () => stats.aborted === before + 1 && stats.active === 0);
      t.diagnostic(`upstream aborted after ${Math.round(performance.now() - startMs)} ms`);
    };
    const reached = (count: number) => until('a request upstream', () => stats.active === count);

    await t.test('aborts its upstream stream', () =>
      aborted(async () => {
        const controller = new AbortController();
        const stream = await client.chat.completions.create(
          { model: 'gpt-4o', messages: say('hi'), stream: true },
          { signal: controller.signal },
        );
        let seen = 0;
        for await (const _chunk of stream) if (++seen === 3) controller.abort();
        assert.ok(seen >= 3);
      }),
    );

    await t.test('aborts its upstream request before the answer', () =>
      aborted(async () => {
        const controller = new AbortController();
        const answer = client.chat.completions.create(
          { model: 'mock-hang', messages: say('hi') },
          { signal: controller.signal },
        );
        const rejected = assert.rejects(answer, OpenAI.APIUserAbortError);
        await reached(1);
        controller.abort();
        await rejected;
      }),
    );

    await t.test('aborts its upstream request after a long wait', () =>
      aborted(() =>
        assert.rejects(
          client.chat.completions.create(
            { model: 'mock-hang', messages: say('hi') },
            { timeout: 300 },
          ),
          OpenAI.APIConnectionTimeoutError,
        ),
      ),
    );

    await t.test('sends nothing upstream when it leaves during its upload', async () => {
      const before = stats.requests;
      const raw = await rawClient(daemon.port);
      await raw.send(
        'POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\ncontent-length: 100\r\n' +
          `authorization: Bearer ${key}\r\n\r\n{"model":"gpt-4o",`,
      );
      raw.socket.resetAndDestroy();
      const answer = await client.models.list();
      assert.deepEqual(answer.data, []);
      assert.equal(stats.requests, before);
    });

    await t.test('does not disturb the others', async () => {
      const leaving = Array.from({ length: 20 }, () => {
        const controller = new AbortController();
        const answer = client.chat.completions.create(
          { model: 'mock-hang', messages: say('hi') },
          { signal: controller.signal },
        );
        return { controller, left: assert.rejects(answer, OpenAI.APIUserAbortError) };
      });
      await reached(20);
      const staying = await client.chat.completions.create({
        model: 'gpt-4o',
        messages: say('hi'),
        stream: true,
      });
      const chunks = staying[Symbol.asyncIterator]();
      await chunks.next();
      for (const { controller } of leaving) controller.abort();
      await Promise.all(leaving.map(({ left }) => left));
      await reached(1);
      for (let i = 0; i < 50; i++) assert.equal((await chunks.next()).done, false);
      staying.controller.abort();
      await reached(0);
    });
  });
}
