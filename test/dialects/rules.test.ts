import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codecs } from '../../src/dialects/codecs.js';
import { KeptReasoning } from '../../src/dialects/translate/kept-reasoning.js';
import { remoteMedia } from '../../src/dialects/translate/remote-media.js';
import { chat, hi, type Json, translate } from './translating.js';

const anthropic = 'anthropic.messages';
const openai = 'openai.chat';
const responses = 'openai.responses';
const gemini = 'gemini.generate';
const bedrock = 'bedrock.converse';

function call(id: string, args: string, name = 'look') {
  return { id, type: 'function', function: { name, arguments: args } };
}

function calls(...list: object[]) {
  return { role: 'assistant', content: null, tool_calls: list };
}

function result(id: string, content: unknown = 'seen') {
  return { role: 'tool', tool_call_id: id, content };
}

const look = { type: 'function', function: { name: 'look', parameters: { type: 'object' } } };

test('tool ids: valid ones pass, others become a stable hash, in calls and results', () => {
  const body = chat(
    hi,
    calls(call('a b', '{}'), call('fine_1', '{}')),
    result('a b'),
    result('fine_1'),
  );
  const { sent } = translate(openai, anthropic, body);
  const [odd, fine] = sent.messages[1].content;
  assert.match(odd.id, /^[a-zA-Z0-9]{24}$/);
  assert.equal(fine.id, 'fine_1');
  const ids = sent.messages[2].content.map((block: Json) => block.tool_use_id);
  assert.deepEqual(ids, [odd.id, 'fine_1']);
});

test('tool ids: of 64 characters at most for responses, of nine alphanumerics for Mistral', () => {
  const id = `toolu_${'x'.repeat(70)}`;
  const use = { type: 'tool_use', id, name: 'look', input: {} };
  const body = {
    max_tokens: 5,
    messages: [
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: [use] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: id }] },
    ],
  };
  const { input } = translate(anthropic, responses, body).sent;
  assert.equal(input[1].call_id.length, 24);
  assert.equal(input[2].call_id, input[1].call_id);
  const short = translate(anthropic, openai, body, { quirks: { shortToolIds: true } }).sent;
  assert.match(short.messages[1].tool_calls[0].id, /^[a-zA-Z0-9]{9}$/);
  assert.equal(short.messages[2].tool_call_id, short.messages[1].tool_calls[0].id);
});

test('tool ids: Gemini has none, so that they are minted and paired by name and order', () => {
  const functionCall = (city: string) => ({ functionCall: { name: 'look', args: { city } } });
  const response = (output: string) => ({
    functionResponse: { name: 'look', response: { output } },
  });
  const body = {
    contents: [
      { role: 'user', parts: [{ text: 'hi' }] },
      { role: 'model', parts: [functionCall('Rome'), functionCall('Oslo')] },
      { role: 'user', parts: [response('warm'), response('cold')] },
    ],
  };
  const { messages } = translate(gemini, openai, body).sent;
  const ids = messages[1].tool_calls.map(({ id }: Json) => id);
  assert.deepEqual(ids, ['call_0', 'call_1']);
  assert.deepEqual(
    messages.slice(2).map((m: Json) => [m.tool_call_id, m.content]),
    [
      ['call_0', 'warm'],
      ['call_1', 'cold'],
    ],
  );
});

test('tool arguments: no text is an empty object, malformed text stays what it is', () => {
  const body = chat(hi, calls(call('one', ''), call('two', '{"a":')), result('one'), result('two'));
  const [none, broken] = translate(openai, anthropic, body).sent.messages[1].content;
  assert.deepEqual(none.input, {});
  assert.equal(broken.input, '{"a":');
  const parts = translate(openai, gemini, body).sent.contents[1].parts;
  assert.deepEqual(parts[0].functionCall.args, {});
  assert.deepEqual(parts[1].functionCall.args, { malformed_arguments: '{"a":' });
});

test('empty content: a tool result without content is kept', () => {
  const body = chat(hi, calls(call('one', '{}')), result('one', ''));
  const sent = translate(openai, anthropic, body).sent;
  assert.deepEqual(sent.messages[2].content, [{ type: 'tool_result', tool_use_id: 'one' }]);
  const { contents } = translate(openai, gemini, body).sent;
  assert.deepEqual(contents[2].parts, [{ functionResponse: { name: 'look', response: {} } }]);
});

test('consecutive roles: users are merged for Bedrock only, and thinking never', () => {
  const messages = [
    { role: 'user', content: 'a' },
    { role: 'user', content: 'b' },
    { role: 'assistant', content: [{ type: 'thinking', thinking: 't', signature: 's' }] },
  ];
  const kept = translate(anthropic, openai, { max_tokens: 5, messages }).sent.messages;
  assert.deepEqual(
    kept.slice(0, 2).map((m: Json) => m.content),
    ['a', 'b'],
  );
  const merged = translate(anthropic, bedrock, { max_tokens: 5, messages }).sent.messages;
  assert.deepEqual(merged[0].content, [{ text: 'a' }, { text: 'b' }]);
});

test('consecutive roles: all results of a turn and the user’s text form one message', () => {
  const body = chat(
    hi,
    calls(call('one', '{}'), call('two', '{}')),
    result('one'),
    result('two'),
    hi,
  );
  const { messages } = translate(openai, anthropic, body).sent;
  const types = messages[2].content.map((block: Json) => block.type);
  assert.deepEqual(types, ['tool_result', 'tool_result', 'text']);
  assert.equal(messages.length, 3);
});

test('system in the middle: labelled text of the user, reported as a loss', () => {
  const body = chat({ role: 'system', content: 'first' }, hi, { role: 'system', content: 'later' });
  for (const provider of [anthropic, gemini, bedrock] as const) {
    const { sent, lost } = translate(openai, provider, body);
    assert.match(JSON.stringify(sent), /\[System message\].*later/, provider);
    assert.deepEqual(lost, ['messages[2] approximated'], provider);
  }
  const { sent, lost } = translate(openai, responses, body);
  assert.equal(sent.instructions, 'first');
  assert.equal(sent.input[1].role, 'developer');
  assert.deepEqual(lost, []);
});

const png = { type: 'image_url', image_url: { url: 'https://example.com/a.png' } };

test('images: a URL that the target does not accept is fetched, then sent as base64', () => {
  const body = chat({ role: 'user', content: [png] });
  const { request, lost } = translate(openai, bedrock, body);
  assert.deepEqual(remoteMedia(request, codecs[bedrock]), ['https://example.com/a.png']);
  assert.ok(lost.includes('messages[0] rejected'));
  const found = { mediaType: 'image/jpeg', data: 'AAAA' };
  const fetched = new Map([['https://example.com/a.png', found]]);
  const { sent } = translate(openai, bedrock, body, { fetched });
  const image = { format: 'jpeg', source: { bytes: 'AAAA' } };
  assert.deepEqual(sent.messages[0].content, [{ image }]);
  const direct = translate(openai, anthropic, body);
  assert.deepEqual(remoteMedia(direct.request, codecs[anthropic]), []);
  assert.equal(direct.sent.messages[0].content[0].source.url, 'https://example.com/a.png');
});

test('images in a tool result follow as a user where the target takes none there', () => {
  const image = {
    type: 'image',
    source: { type: 'base64', media_type: 'image/png', data: 'AAAA' },
  };
  const text = { type: 'text', text: 'see' };
  const body = {
    max_tokens: 5,
    messages: [
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: [{ type: 'tool_use', id: 'one', name: 'look', input: {} }] },
      {
        role: 'user',
        content: [{ type: 'tool_result', tool_use_id: 'one', content: [text, image] }],
      },
    ],
  };
  const moved = translate(anthropic, openai, body);
  assert.equal(moved.sent.messages[2].role, 'tool');
  assert.equal(moved.sent.messages[3].content[1].image_url.url, 'data:image/png;base64,AAAA');
  assert.deepEqual(moved.lost, ['messages[2] approximated']);
  const inside = translate(anthropic, responses, body);
  assert.equal(inside.sent.input[2].output[1].type, 'input_image');
  assert.deepEqual(inside.lost, []);
  const old = translate(anthropic, gemini, body, { model: 'gemini-2.5-flash' });
  assert.equal(old.sent.contents[2].parts[1].inlineData.data, 'AAAA');
  const recent = translate(anthropic, gemini, body, { model: 'gemini-3-pro' });
  assert.equal(recent.sent.contents[2].parts[0].functionResponse.parts[0].inlineData.data, 'AAAA');
});

test('cache_control becomes a cache point of Bedrock; elsewhere it is reported as a loss', () => {
  const cache_control = { type: 'ephemeral', ttl: '1h' };
  const body = {
    max_tokens: 5,
    system: [{ type: 'text', text: 'long', cache_control }],
    messages: [{ role: 'user', content: 'hi' }],
  };
  const { sent, lost } = translate(anthropic, bedrock, body);
  assert.deepEqual(sent.system[1], { cachePoint: { type: 'default', ttl: '1h' } });
  assert.deepEqual(lost, []);
  for (const provider of [openai, responses, gemini] as const) {
    assert.deepEqual(
      translate(anthropic, provider, body).lost,
      ['system.cache_control dropped'],
      provider,
    );
  }
});

function messagesAnswer(stop_reason: string, more: object = {}) {
  const usage = { input_tokens: 1, output_tokens: 1 };
  const content = [{ type: 'text', text: 'x' }];
  return { id: 'm', type: 'message', role: 'assistant', content, stop_reason, usage, ...more };
}

test('stop reasons stay apart', () => {
  const { answer } = translate(openai, anthropic, chat(hi));
  const finish = (stop: string) => answer(messagesAnswer(stop)).choices[0].finish_reason;
  assert.equal(finish('end_turn'), 'stop');
  assert.equal(finish('stop_sequence'), 'stop');
  assert.equal(finish('max_tokens'), 'length');
  assert.equal(finish('model_context_window_exceeded'), 'length');
  assert.equal(finish('pause_turn'), 'pause_turn');
  const stop_details = { type: 'refusal', category: null, explanation: 'no' };
  const refused = answer(messagesAnswer('refusal', { stop_details })).choices[0];
  assert.equal(refused.finish_reason, 'content_filter');
  assert.equal(refused.message.refusal, 'no');
  const filtered = translate(anthropic, gemini, { max_tokens: 5, messages: [hi] }).answer({
    candidates: [{ content: { parts: [{ text: 'x' }] }, finishReason: 'SAFETY' }],
  });
  assert.equal(filtered.stop_reason, 'refusal');
});

test('a failed answer is an error, never a stop', () => {
  const { translation } = translate(openai, responses, chat(hi));
  const error = { code: 'rate_limit_exceeded', message: 'slow down' };
  const failed = { id: 'r', status: 'failed', output: [], error };
  const told = translation.answer(Buffer.from(JSON.stringify(failed)));
  assert.ok('error' in told);
  assert.equal(told.status, 429);
  assert.match(told.body, /slow down/);
  const malformed = { candidates: [{ finishReason: 'MALFORMED_FUNCTION_CALL' }] };
  const other = translate(openai, gemini, chat(hi)).translation;
  const answer = other.answer(Buffer.from(JSON.stringify(malformed)));
  assert.ok('error' in answer);
  assert.equal(answer.status, 502);
});

test('usage: cached tokens are counted once, whichever count includes them', () => {
  const usage = {
    input_tokens: 10,
    cache_read_input_tokens: 100,
    cache_creation_input_tokens: 1000,
    output_tokens: 7,
  };
  const seen = translate(openai, anthropic, chat(hi)).answer(messagesAnswer('end_turn', { usage }));
  assert.equal(seen.usage.prompt_tokens, 1110);
  assert.equal(seen.usage.prompt_tokens_details.cached_tokens, 100);
  assert.equal(seen.usage.prompt_tokens_details.cache_write_tokens, 1000);
  const back = translate(anthropic, openai, { max_tokens: 5, messages: [hi] }).answer({
    choices: [{ message: { content: 'x' }, finish_reason: 'stop' }],
    usage: seen.usage,
  });
  assert.deepEqual(back.usage, {
    input_tokens: 10,
    cache_creation_input_tokens: 1000,
    cache_read_input_tokens: 100,
    output_tokens: 7,
  });
});

test('usage of a stream is merged once from message_start and message_delta', () => {
  const body = { ...chat(hi), stream: true, stream_options: { include_usage: true } };
  const { stream } = translate(openai, anthropic, body);
  const usage = { input_tokens: 10, cache_read_input_tokens: 5, output_tokens: 1 };
  const message = { id: 'm', model: 'c', usage };
  const text = stream([
    { type: 'message_start', message },
    { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 30 } },
    { type: 'message_stop' },
  ]);
  assert.match(text, /"prompt_tokens":15,"completion_tokens":30/);
  assert.match(text, /data: \[DONE\]\n\n$/);
});

test('streams: parallel tool calls are not mixed, indexes are dense, each call closes', () => {
  const body = { max_tokens: 5, stream: true, messages: [hi] };
  const { stream } = translate(anthropic, openai, body);
  const delta = (tool_calls: object[]) => ({
    id: 'c',
    choices: [{ index: 0, delta: { tool_calls } }],
  });
  const part = (index: number, args: string) => ({ index, function: { arguments: args } });
  const text = stream([
    { id: 'c', model: 'm', choices: [{ index: 0, delta: { content: 'well' } }] },
    delta([{ index: 0, ...call('one', '') }]),
    delta([{ index: 1, ...call('two', '') }]),
    delta([part(0, '{"a"')]),
    delta([part(0, ':1}')]),
    { id: 'c', choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] },
  ]);
  const events = [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data ?? ''));
  const steps = events.flatMap(({ type, index }) =>
    index === undefined ? [] : [`${type} ${index}`],
  );
  const block = (i: number, deltas: number) => [
    `content_block_start ${i}`,
    ...Array.from({ length: deltas }, () => `content_block_delta ${i}`),
    `content_block_stop ${i}`,
  ];
  assert.deepEqual(steps, [...block(0, 1), ...block(1, 2), ...block(2, 1)]);
  assert.equal(events.at(-2).delta.stop_reason, 'tool_use');
  assert.doesNotMatch(text, /DONE/);
});

test('streams: ping keeps alive as each dialect can, and Gemini is sent none', () => {
  const ping = (client: typeof anthropic | typeof gemini | typeof openai, body: object) =>
    translate(client, responses, body).translation.stream().ping().toString();
  assert.match(ping(anthropic, { max_tokens: 5, messages: [hi] }), /^event: ping\n/);
  assert.equal(ping(openai, chat(hi)), ': ping\n\n');
  assert.equal(ping(gemini, { contents: [{ parts: [{ text: 'hi' }] }] }), '');
});

test('streams: an error in the middle, and an end too early, are events of the client', () => {
  const body = { max_tokens: 5, stream: true, messages: [hi] };
  const { stream } = translate(anthropic, openai, body);
  const begun = { id: 'c', choices: [{ index: 0, delta: { content: 'x' } }] };
  const error = { message: 'broke', type: 'server_error' };
  assert.match(stream([begun, { error }]), /event: error\n.*"api_error","message":"broke"/);
  const cut = stream([begun]);
  assert.match(cut, /event: error\n/);
  assert.doesNotMatch(cut, /message_stop/);
});

test('schemas: for Gemini references are resolved, and unknown keywords reported as losses', () => {
  const parameters = {
    type: 'object',
    $defs: { City: { type: 'string', minLength: 1 } },
    properties: {
      city: { $ref: '#/$defs/City', description: 'where' },
      days: { type: ['integer', 'null'], exclusiveMinimum: 0 },
      kind: { const: 'a' },
    },
    additionalProperties: false,
  };
  const tool = { type: 'function', function: { name: 'look', parameters } };
  const { sent, lost } = translate(openai, gemini, { ...chat(hi), tools: [tool] });
  assert.deepEqual(sent.tools[0].functionDeclarations[0].parameters, {
    type: 'OBJECT',
    properties: {
      city: { type: 'STRING', minLength: 1, description: 'where' },
      days: { type: 'INTEGER', nullable: true },
      kind: { enum: ['a'], type: 'STRING' },
    },
  });
  assert.deepEqual(lost, ['tools[0] dropped']);
});

test('schemas: a recursive one is cut, and reported as a loss', () => {
  const node = { type: 'object', properties: { next: { $ref: '#' }, name: { type: 'string' } } };
  const tool = { type: 'function', function: { name: 'look', parameters: node } };
  const { lost, sent } = translate(openai, gemini, { ...chat(hi), tools: [tool] });
  assert.deepEqual(lost, ['tools[0] dropped']);
  const { parameters } = sent.tools[0].functionDeclarations[0];
  const inner = parameters.properties.next.properties.next.properties.next.properties;
  assert.deepEqual(inner, { next: { type: 'OBJECT' }, name: { type: 'STRING' } });
});

test('schemas: definitions that multiply, and ones that are nested deeply, stay small', () => {
  const names = Array.from({ length: 40 }, (_, i) => `D${i}`);
  const twice = (i: number) => ({ $ref: `#/$defs/D${i}` });
  const $defs = Object.fromEntries(
    names.map((name, i) => [
      name,
      { type: 'object', properties: { a: twice(i + 1), b: twice(i + 1) } },
    ]),
  );
  let deep: object = { type: 'string' };
  for (let i = 0; i < 200; i++) deep = { type: 'array', items: deep };
  const values = Array.from({ length: 20_000 }, (_, i) => `value ${i}`);
  const large = { type: 'object', $defs: { E: { enum: values } }, properties: {} };
  for (let i = 0; i < 1_000; i++) Object.assign(large.properties, { [i]: { $ref: '#/$defs/E' } });
  for (const parameters of [
    { type: 'object', $defs, properties: { a: twice(0) } },
    { type: 'object', properties: { deep } },
    large,
  ]) {
    const tool = { type: 'function', function: { name: 'look', parameters } };
    const { lost, sent } = translate(openai, gemini, { ...chat(hi), tools: [tool] });
    assert.ok(lost.length >= 1);
    assert.ok(JSON.stringify(sent).length < 2_500_000);
  }
});

test('schemas: a definition may be used many times', () => {
  const names = Array.from({ length: 40 }, (_, i) => `a${i}`);
  const properties = Object.fromEntries(names.map((name) => [name, { $ref: '#/$defs/A' }]));
  const parameters = { type: 'object', $defs: { A: { type: 'string' } }, properties };
  const tool = { type: 'function', function: { name: 'look', parameters } };
  const { lost, sent } = translate(openai, gemini, { ...chat(hi), tools: [tool] });
  assert.deepEqual(lost, []);
  const written = sent.tools[0].functionDeclarations[0].parameters.properties;
  assert.deepEqual(Object.values(written), Array(40).fill({ type: 'STRING' }));
});

test('schemas: a reference that leads nowhere, or is no address, is reported', () => {
  for (const $ref of ['#/$defs/A', '#/%E0%A4%A', '#/__proto__', 'https://x.example/a']) {
    const parameters = { type: 'object', properties: { a: { $ref } } };
    const tool = { type: 'function', function: { name: 'look', parameters } };
    const { lost, sent } = translate(openai, gemini, { ...chat(hi), tools: [tool] });
    assert.deepEqual(lost, ['tools[0] dropped']);
    assert.deepEqual(sent.tools[0].functionDeclarations[0].parameters.properties, { a: {} });
  }
  const odd = {
    type: 'object',
    $defs: { '%E0': { type: 'string' } },
    properties: { a: { $ref: '#/$defs/%E0' } },
  };
  const tool = { type: 'function', function: { name: 'look', parameters: odd } };
  const { sent } = translate(openai, gemini, { ...chat(hi), tools: [tool] });
  assert.deepEqual(sent.tools[0].functionDeclarations[0].parameters.properties.a, {
    type: 'STRING',
  });
});

test('tool results: for Gemini in the order of the calls, which pairs those of one name', () => {
  const call = (id: string) => ({ id, type: 'function', function: { name: 'f', arguments: '{}' } });
  const result = (id: string) => ({ role: 'tool', tool_call_id: id, content: `of ${id}` });
  const calls = { role: 'assistant', tool_calls: ['a', 'b', 'c'].map(call) };
  const body = chat(hi, calls, ...['c', 'a', 'b'].map(result));
  const { parts } = translate(openai, gemini, body).sent.contents.at(-1);
  assert.deepEqual(
    parts.map((part: Json) => part.functionResponse.response.output),
    ['of a', 'of b', 'of c'],
  );
});

test('empty messages: left out where the API refuses them', () => {
  const silent = { role: 'assistant', content: '' };
  const body = chat(hi, silent, { role: 'user', content: 'again' });
  const texts = [hi.content, 'again'];
  const claude = translate(openai, anthropic, body).sent.messages;
  assert.deepEqual(
    claude.map((one: Json) => one.content[0].text),
    texts,
  );
  const nobody = chat({ role: 'user', content: '' }, hi);
  assert.deepEqual(translate(openai, gemini, nobody).sent.contents, [
    { role: 'user', parts: [{ text: 'hi' }] },
  ]);
});

test('thinking: left out where a tool must be called, which Claude refuses together', () => {
  const f = { type: 'function', function: { name: 'f', parameters: {} } };
  const chosen = { type: 'function', function: { name: 'f' } };
  const allowed = (mode: string) => ({
    type: 'allowed_tools',
    allowed_tools: { mode, tools: [f] },
  });
  for (const model of ['claude-sonnet-4-0', 'claude-opus-5']) {
    for (const [tool_choice, thinks] of [
      ['auto', true],
      ['none', true],
      [allowed('auto'), true],
      ['required', false],
      [chosen, false],
      [allowed('required'), false],
    ] as const) {
      const body = {
        ...chat(hi),
        tools: [f],
        tool_choice,
        reasoning_effort: 'high',
        max_tokens: 9_000,
      };
      const { sent, lost } = translate(openai, anthropic, body, { model });
      assert.equal(sent.thinking !== undefined, thinks, JSON.stringify(tool_choice));
      assert.equal(lost.includes('reasoning_effort dropped'), !thinks);
    }
  }
  const without = {
    ...chat(hi),
    tool_choice: 'required',
    reasoning_effort: 'high',
    max_tokens: 9_000,
  };
  assert.ok(translate(openai, anthropic, without).sent.thinking);
});

test('arguments that are nested more deeply than can be written are refused', () => {
  const call = { id: 'a', type: 'function', function: { name: 'f', arguments: '' } };
  call.function.arguments = `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`;
  assert.throws(
    () => translate(openai, anthropic, chat(hi, { role: 'assistant', tool_calls: [call] })),
    { code: 'invalid_request', message: 'The request is nested too deeply.' },
  );
});

test('tool names: a choice names a tool as it is declared, as calls and answers do', () => {
  const name = 'weather.today';
  const functionCall = { name, args: {} };
  const body = {
    contents: [
      { role: 'user', parts: [{ text: 'hi' }] },
      { role: 'model', parts: [{ functionCall }] },
      { role: 'user', parts: [{ functionResponse: { name, response: {} } }] },
    ],
    tools: [{ functionDeclarations: [{ name }] }],
    toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: [name] } },
  };
  const target = 'weather_today_b9f903e2';
  const chatSent = translate(gemini, openai, body).sent;
  const responsesSent = translate(gemini, responses, body).sent;
  const claudeSent = translate(gemini, anthropic, body).sent;
  assert.deepEqual(
    [
      [chatSent.tools[0].function.name, chatSent.tool_choice.function.name],
      [responsesSent.tools[0].name, responsesSent.tool_choice.name],
      [claudeSent.tools[0].name, claudeSent.tool_choice.name],
      [responsesSent.input[1].name, chatSent.messages[1].tool_calls[0].function.name],
    ],
    Array(4).fill([target, target]),
  );
  const output = [{ type: 'function_call', call_id: 'c', name: target, arguments: '{}' }];
  const said = translate(gemini, responses, body).answer({ output });
  assert.equal(said.candidates[0].content.parts[0].functionCall.name, name);
  const both = structuredClone(body);
  both.toolConfig.functionCallingConfig.allowedFunctionNames.push('other');
  const allowed = translate(gemini, responses, both).sent.tool_choice;
  assert.deepEqual(
    allowed.tools.map((one: Json) => one.name),
    [target, 'other'],
  );
});

test('words that every object has are unknown words', () => {
  for (const word of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
    const { lost } = translate(anthropic, openai, {
      max_tokens: 9,
      messages: [{ role: 'user', content: [{ type: word }, { type: 'text', text: 'hi' }] }],
    });
    assert.deepEqual(lost, ['messages[0] dropped'], word);
    const claude = { content: [], stop_reason: word };
    assert.equal(
      translate(openai, anthropic, chat(hi)).answer(claude).choices[0].finish_reason,
      word,
    );
    const completion = { choices: [{ message: { content: 'a' }, finish_reason: word }] };
    assert.equal(
      translate(anthropic, openai, { max_tokens: 9, messages: [hi] }).answer(completion)
        .stop_reason,
      word,
    );
    const candidates = [{ content: { parts: [{ text: 'a' }] }, finishReason: word }];
    assert.equal(
      translate(openai, gemini, chat(hi)).answer({ candidates }).choices[0].finish_reason,
      word,
    );
    const error = { error: { code: 500, message: 'no', status: word } };
    assert.match(
      translate(openai, gemini, chat(hi)).translation.error(Buffer.from(JSON.stringify(error)), 500)
        .body,
      /"server_error"/,
    );
    const incomplete = { output: [], status: 'incomplete', incomplete_details: { reason: word } };
    assert.equal(
      translate(openai, responses, chat(hi)).answer(incomplete).choices[0].finish_reason,
      word,
    );
  }
});

test('a grammar without a syntax is refused by name', () => {
  const format = { type: 'grammar', grammar: { syntax: {}, definition: 'x' } };
  const tools = [{ type: 'custom', custom: { name: 'g', format } }];
  assert.throws(
    () => translate(openai, anthropic, { ...chat(hi), tools }),
    /'tools\[0\].custom.format.grammar.syntax' must be a string/,
  );
  const own = [{ type: 'custom', name: 'g', format: { type: 'grammar', definition: 'x' } }];
  assert.throws(
    () => translate(responses, anthropic, { input: 'hi', tools: own }),
    /'tools\[0\].format.syntax' must be a string/,
  );
});

const schema = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] };
const response_format = { type: 'json_schema', json_schema: { name: 'thing', schema } };

test('response_format: native where the model has it', () => {
  const body = { ...chat(hi), response_format };
  const claude = translate(openai, anthropic, body, { model: 'claude-sonnet-4-5' }).sent;
  assert.deepEqual(claude.output_config.format, { type: 'json_schema', schema });
  assert.equal(claude.tools, undefined);
  const config = translate(openai, gemini, body).sent.generationConfig;
  assert.equal(config.responseMimeType, 'application/json');
  assert.deepEqual(config.responseSchema.properties, { a: { type: 'STRING' } });
});

test('response_format: else a forced tool, whose arguments are the answer', () => {
  const body = { ...chat(hi), response_format };
  const old = translate(openai, anthropic, body, { model: 'claude-3-5-haiku-20241022' });
  const [tool] = old.sent.tools;
  assert.deepEqual(old.sent.tool_choice, { type: 'tool', name: tool.name });
  assert.deepEqual(old.lost, []);
  const use = { type: 'tool_use', id: 't', name: tool.name, input: { a: 'b' } };
  const { message, finish_reason } = old.answer(messagesAnswer('tool_use', { content: [use] }))
    .choices[0];
  assert.equal(message.content, '{"a":"b"}');
  assert.equal(message.tool_calls, undefined);
  assert.equal(finish_reason, 'stop');
  const streamed = old.stream([
    { type: 'message_start', message: { id: 'm', usage: {} } },
    { type: 'content_block_start', index: 0, content_block: { ...use, input: {} } },
    {
      type: 'content_block_delta',
      index: 0,
      delta: { type: 'input_json_delta', partial_json: '{"a":"b"}' },
    },
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: {} },
    { type: 'message_stop' },
  ]);
  assert.match(streamed, /"content":"\{\\"a\\":\\"b\\"\}"/);
  assert.match(streamed, /"finish_reason":"stop"/);
  const thinking = { ...body, reasoning_effort: 'high', max_tokens: 50_000 };
  const thought = translate(openai, anthropic, thinking, { model: 'claude-3-7-sonnet' });
  assert.deepEqual(thought.sent.tool_choice, { type: 'auto' });
  assert.deepEqual(thought.lost, ['response_format approximated']);
});

test('max_tokens: the model’s maximum where the client does not say', () => {
  const ways = { maxOutputTokens: 64_000 };
  assert.equal(translate(openai, anthropic, chat(hi), ways).sent.max_tokens, 64_000);
  const said = { ...chat(hi), max_tokens: 9 };
  assert.equal(translate(openai, anthropic, said, ways).sent.max_tokens, 9);
  assert.equal(translate(openai, anthropic, chat(hi)).sent.max_tokens, 4096);
});

test('sampling: clamped and reported, left out while thinking, the rest reported', () => {
  const warm = translate(openai, anthropic, {
    ...chat(hi),
    temperature: 1.5,
    seed: 1,
    logprobs: true,
  });
  assert.equal(warm.sent.temperature, 1);
  assert.deepEqual(warm.lost, ['logprobs dropped', 'temperature approximated', 'seed dropped']);
  const body = { ...chat(hi), temperature: 0.5, top_k: 3, reasoning_effort: 'low' };
  const thinking = translate(openai, anthropic, body);
  assert.equal(thinking.sent.temperature, undefined);
  assert.deepEqual(thinking.lost, ['temperature dropped', 'top_k dropped']);
  const many = translate(openai, anthropic, { ...chat(hi), n: 2 });
  assert.deepEqual(many.lost, ['n rejected']);
  assert.deepEqual(translate(openai, anthropic, { ...chat(hi), n: 1 }).lost, []);
});

test('effort and thinking budgets are mapped both ways', () => {
  const asked = { ...chat(hi), reasoning_effort: 'medium', max_tokens: 60_000 };
  const old = translate(openai, anthropic, asked, { model: 'claude-sonnet-4-5-20250929' }).sent;
  assert.deepEqual(old.thinking, { type: 'enabled', budget_tokens: 8192 });
  const recent = translate(openai, anthropic, asked, { model: 'claude-opus-4-6' }).sent;
  assert.deepEqual(recent.thinking, { type: 'adaptive' });
  assert.deepEqual(recent.output_config, { effort: 'medium' });
  const thinking = { type: 'enabled', budget_tokens: 8192 };
  const body = { max_tokens: 60_000, messages: [hi], thinking };
  assert.equal(translate(anthropic, openai, body).sent.reasoning_effort, 'medium');
  assert.equal(translate(anthropic, responses, body).sent.reasoning.effort, 'medium');
  const flash = translate(anthropic, gemini, body, { model: 'gemini-2.5-flash' }).sent;
  assert.equal(flash.generationConfig.thinkingConfig.thinkingBudget, 8192);
  const three = translate(openai, gemini, asked, { model: 'gemini-3-pro' }).sent;
  assert.equal(three.generationConfig.thinkingConfig.thinkingLevel, 'MEDIUM');
  const tight = translate(
    openai,
    anthropic,
    { ...asked, max_tokens: 100 },
    { model: 'claude-3-7-sonnet' },
  );
  assert.equal(tight.sent.thinking, undefined);
  assert.deepEqual(tight.lost, ['reasoning_effort dropped']);
});

test('thinking is left out where the calls under way were made without it', () => {
  const body = { ...chat(hi, calls(call('one', '{}')), result('one')), reasoning_effort: 'high' };
  const { sent, lost } = translate(openai, anthropic, body);
  assert.equal(sent.thinking, undefined);
  assert.deepEqual(lost, ['reasoning_effort dropped']);
});

test('calls of another model are marked as unsigned for Gemini 3', () => {
  const body = chat(hi, calls(call('one', '{}'), call('two', '{}')), result('one'), result('two'));
  const { parts } = translate(openai, gemini, body, { model: 'gemini-3-pro' }).sent.contents[1];
  assert.equal(parts[0].thoughtSignature, 'skip_thought_signature_validator');
  assert.equal(parts[1].thoughtSignature, undefined);
});

test('errors: kind and status are mapped, the text is kept, and how long to wait', () => {
  const { translation: way } = translate(openai, anthropic, chat(hi));
  const overloaded = { type: 'error', error: { type: 'overloaded_error', message: 'Busy.' } };
  const told = way.error(Buffer.from(JSON.stringify(overloaded)), 529);
  assert.equal(told.status, 503);
  assert.match(told.body, /"message":"Busy\.","type":"server_error"/);
  const back = translate(anthropic, openai, { max_tokens: 5, messages: [hi] }).translation;
  const quota = {
    error: { message: 'Pay.', type: 'insufficient_quota', code: 'insufficient_quota' },
  };
  const paid = back.error(Buffer.from(JSON.stringify(quota)), 429);
  assert.equal(paid.status, 402);
  assert.match(paid.body, /"billing_error","message":"Pay\."/);
  const google = translate(openai, gemini, chat(hi)).translation;
  const details = [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '30s' }];
  const slow = { error: { code: 429, message: 'Slow.', status: 'RESOURCE_EXHAUSTED', details } };
  const waited = google.error(Buffer.from(JSON.stringify([slow])), 429);
  assert.equal(waited.error.retryAfter, 30);
  assert.match(waited.body, /rate_limit_error/);
  const aws = translate(openai, bedrock, chat(hi)).translation;
  const thrown = { __type: 'com.amazon#ThrottlingException', message: 'Too fast.' };
  assert.equal(aws.error(Buffer.from(JSON.stringify(thrown)), 429).error.kind, 'rate_limit');
});

test('custom tools are functions with one argument, and custom again on the way back', () => {
  const custom = { type: 'custom', name: 'patch', description: 'd', format: { type: 'text' } };
  const { sent, lost, answer, stream } = translate(responses, anthropic, {
    input: 'hi',
    tools: [custom],
  });
  assert.deepEqual(Object.keys(sent.tools[0].input_schema.properties), ['input']);
  assert.deepEqual(lost, ['tools[0] approximated']);
  const use = { type: 'tool_use', id: 't', name: 'patch', input: { input: '*** Begin' } };
  const [item] = answer(messagesAnswer('tool_use', { content: [use] })).output;
  assert.deepEqual([item.type, item.input, item.call_id], ['custom_tool_call', '*** Begin', 't']);
  const partial_json = JSON.stringify(use.input);
  const text = stream([
    { type: 'message_start', message: { id: 'm', usage: {} } },
    { type: 'content_block_start', index: 0, content_block: { ...use, input: {} } },
    { type: 'content_block_delta', index: 0, delta: { type: 'input_json_delta', partial_json } },
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: {} },
    { type: 'message_stop' },
  ]);
  assert.match(text, /custom_tool_call_input\.done.*"input":"\*\*\* Begin"/);
});

test('namespaces, additional tools and hosted tools of Codex are handled or reported by name', () => {
  const member = { type: 'function', name: 'open', parameters: schema };
  const namespace = { type: 'namespace', name: 'files', description: '', tools: [member] };
  const more = {
    type: 'additional_tools',
    role: 'developer',
    tools: [{ ...member, name: 'more' }],
  };
  const tools = [namespace, { type: 'web_search' }];
  const input = [{ role: 'user', content: 'hi' }, more, { type: 'configuration_update' }];
  const { sent, lost, answer } = translate(responses, openai, { input, tools });
  const names = sent.tools.map((tool: Json) => tool.function.name);
  assert.deepEqual(names, ['files__open', 'more']);
  assert.deepEqual(lost, ['tools[1] dropped', 'input[2] (configuration_update) dropped']);
  const message = { content: null, tool_calls: [call('c', '{}', 'files__open')] };
  const [item] = answer({ choices: [{ message, finish_reason: 'tool_calls' }] }).output;
  assert.deepEqual([item.name, item.namespace], ['open', 'files']);
});

test('fields of a tool that only its dialect knows are reported by name, unless they ask for nothing', () => {
  const tool = { name: 'look', input_schema: schema, defer_loading: true, strict: null };
  const body = { max_tokens: 5, messages: [hi], tools: [tool, { ...tool, defer_loading: false }] };
  assert.deepEqual(translate(anthropic, openai, body).lost, ['tools[0].defer_loading dropped']);
  const declared = { name: 'look', parametersJsonSchema: schema, behavior: 'BLOCKING' };
  const tools = [{ functionDeclarations: [declared] }];
  assert.deepEqual(
    translate(gemini, openai, { contents: [{ parts: [{ text: 'hi' }] }], tools }).lost,
    ['tools[0].functionDeclarations[0].behavior dropped'],
  );
  const output_schema = { type: 'object' };
  const one = { type: 'function', name: 'look', parameters: schema, output_schema };
  assert.deepEqual(translate(responses, openai, { input: 'hi', tools: [one] }).lost, [
    'tools[0].output_schema dropped',
  ]);
});

test('fields of messages and blocks that only their dialect knows are reported by name', () => {
  const source = { type: 'base64', media_type: 'application/pdf', data: 'JVBE' };
  const document = { type: 'document', source, citations: { enabled: true } };
  const use = { type: 'tool_use', id: 't', name: 'look', input: {}, caller: { type: 'direct' } };
  const messages = [
    { role: 'user', content: [document] },
    { role: 'assistant', content: [use] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', toolset_name: 'browser' }] },
  ];
  assert.deepEqual(translate(anthropic, openai, { max_tokens: 5, messages }).lost, [
    'messages[0].content[0].citations dropped',
    'messages[2].content[0].toolset_name dropped',
  ]);
  const named = { role: 'user', content: 'hi', name: 'Ann' };
  assert.deepEqual(translate(openai, anthropic, chat(named)).lost, ['messages[0].name dropped']);
});

test('fields that name a state stored at OpenAI are refused by name', () => {
  const refused = (body: object) => translate(responses, anthropic, body).lost;
  assert.deepEqual(refused({ input: 'hi', previous_response_id: 'r' }), [
    'previous_response_id rejected',
  ]);
  const trigger = [{ role: 'user', content: 'hi' }, { type: 'compaction_trigger' }];
  assert.deepEqual(refused({ input: trigger }), ['input[1] (compaction_trigger) rejected']);
});

test('allowed tools: only they are sent where there is no such choice', () => {
  const tools = [look, { ...look, function: { ...look.function, name: 'write' } }];
  const allowed = { mode: 'required', tools: [{ type: 'function', function: { name: 'write' } }] };
  const tool_choice = { type: 'allowed_tools', allowed_tools: allowed };
  const { sent, lost } = translate(openai, anthropic, { ...chat(hi), tools, tool_choice });
  assert.deepEqual(
    sent.tools.map((tool: Json) => tool.name),
    ['write'],
  );
  assert.deepEqual(sent.tool_choice, { type: 'any' });
  assert.deepEqual(lost, ['tool_choice approximated']);
  const google = translate(openai, gemini, { ...chat(hi), tools, tool_choice }).sent;
  assert.deepEqual(google.toolConfig.functionCallingConfig.allowedFunctionNames, ['write']);
});

test('kept reasoning is found again by the id of the call, within its time', () => {
  let now = 0;
  const kept = new KeptReasoning(1000, 60_000, undefined, () => now);
  const seal = {
    dialect: anthropic,
    provider: 'one',
    slot: 'signature',
    id: null,
    data: 's',
  } as const;
  kept.put('one', [{ type: 'reasoning', text: 't', seal }]);
  const body = chat(hi, calls(call('one', '{}')), result('one'));
  const { sent, lost } = translate(openai, anthropic, body, { kept });
  const [thinking] = sent.messages[1].content;
  assert.deepEqual(thinking, { type: 'thinking', thinking: 't', signature: 's' });
  assert.deepEqual(lost, []);
  const elsewhere = translate(openai, anthropic, body, { kept, provider: 'two' });
  assert.deepEqual(elsewhere.lost, ['messages[1] dropped']);
  now = 60_000;
  assert.equal(translate(openai, anthropic, body, { kept }).sent.messages[1].content.length, 1);
  for (let i = 0; i < 100; i++) kept.put(`many${i}`, [{ type: 'reasoning', text: 't', seal }]);
  assert.equal(kept.get('many0'), null);
  assert.ok(kept.get('many99'));
});
