import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, bearer } from '../../support/ask.js';
import { startDaemon } from '../../support/daemon.js';
import { startUpstream } from '../../support/upstream.js';

const thought = { type: 'thinking', thinking: 'hm', signature: 'signed-by-the-model' };

test('reasoning is kept for a chat client whose next turn reaches another worker', async (t) => {
  const seen: boolean[] = [];
  const claude = await startUpstream(t, ({ body }, response) => {
    const { messages } = JSON.parse(body.toString());
    const isSecond = messages.length > 1;
    if (isSecond) seen.push(JSON.stringify(messages).includes(thought.signature));
    const call = { type: 'tool_use', id: 'toolu_1', name: 'look', input: {} };
    const answer = {
      ...{ id: 'msg_1', type: 'message', role: 'assistant', model: 'claude' },
      content: isSecond ? [{ type: 'text', text: 'done' }] : [thought, call],
      stop_reason: isSecond ? 'end_turn' : 'tool_use',
      usage: { input_tokens: 1, output_tokens: 1 },
    };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  const daemon = await startDaemon(t, { workers: 3 });
  await daemon.addProvider('claude', { provider_type: 'anthropic', api_base: claude.url });
  const key = await daemon.addKey('alice');
  await daemon.reload();
  const tools = [{ type: 'function', function: { name: 'look', parameters: { type: 'object' } } }];
  const user = { role: 'user', content: 'hi' };
  const send = async (messages: object[]) => {
    const { status, text } = await ask(`${daemon.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { ...bearer(key), 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'claude', reasoning_effort: 'high', tools, messages }),
    });
    assert.equal(status, 200, text);
    return JSON.parse(text).choices[0].message;
  };
  const { tool_calls } = await send([user]);
  const called = { role: 'assistant', content: null, tool_calls };
  const result = { role: 'tool', tool_call_id: tool_calls[0].id, content: 'seen' };
  for (let turn = 0; turn < 12; turn++) await send([user, called, result]);
  assert.deepEqual(new Set(seen), new Set([true]));
  assert.equal(seen.length, 12);
});
