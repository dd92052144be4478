import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StreamReader } from '../../src/dialects/codec.js';
import type { JsonObject, Part, Usage } from '../../src/dialects/conversation.js';
import type { Dialect } from '../../src/dialects/dialect.js';
import { readGenerateAnswer } from '../../src/dialects/gemini/answer.js';
import { generate } from '../../src/dialects/gemini/dialect.js';
import { GenerateStreamReader } from '../../src/dialects/gemini/stream-read.js';
import { chat } from '../../src/dialects/openai/dialects.js';
import { readResponsesAnswer } from '../../src/dialects/openai/responses-answer.js';
import { responses } from '../../src/dialects/openai/responses-dialect.js';
import { ResponsesStreamReader } from '../../src/dialects/openai/responses-stream-read.js';
import { SseSplitter } from '../../src/dialects/sse.js';
import { AnswerKeeper } from '../../src/proxy/answer/answer-keeper.js';

type Searches = [web: number, files: number] | null;

const usage = { input_tokens: 328, output_tokens: 356, total_tokens: 684 };
const search = (id: string) => ({
  ...{ id, type: 'web_search_call', status: 'completed' },
  action: { type: 'search', queries: ['a {"b'], query: 'a {"b' },
});
const page = { ...search('ws_page'), action: { type: 'open_page', url: 'https://example.com' } };
const files = { id: 'fs_1', type: 'file_search_call', status: 'completed', queries: ['q'] };
/** The example of OpenAI's guide "Web search"; early searches had no action. */
const first = { id: 'ws_first', type: 'web_search_call', status: 'completed' };
const said = {
  ...{ id: 'msg_1', type: 'message', role: 'assistant', status: 'completed' },
  content: [{ type: 'output_text', text: '{"type":"web_search_call"}', annotations: [] }],
};

function response(output: readonly object[], more: object = {}): JsonObject {
  return { id: 'resp_1', object: 'response', status: 'completed', model: 'm', output, ...more };
}

function begun(item: object): object {
  return { ...item, status: 'in_progress', action: undefined };
}

/** A stream whose last event holds the response as given. */
function streamOf(output: readonly object[], last: JsonObject): string {
  const event = (data: { type: string }) =>
    `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
  const created = response([], { status: 'in_progress', tools: [{ type: 'web_search' }] });
  const items = output.flatMap((item, output_index) => [
    // The action is not known yet.
    event({ type: 'response.output_item.added', ...{ output_index, item: begun(item) } }),
    event({ type: 'response.output_item.done', ...{ output_index, item } }),
  ]);
  const ends = event({ type: 'response.completed', ...{ response: last } });
  return event({ type: 'response.created', ...{ response: created } }) + items.join('') + ends;
}

function reported({ readUsage }: Dialect, text: string): Searches {
  const answer = new AnswerKeeper();
  answer.add(Buffer.from(text));
  return searchesOf(readUsage(answer)?.classes ?? null);
}

function translated(reader: StreamReader, text: string): Searches {
  let found: Usage | null = null;
  const out = (part: Part) => {
    if (part.type === 'finish') found = part.usage;
  };
  new SseSplitter().push(Buffer.from(text), (event) => reader.push(event, out));
  reader.end(out);
  return searchesOf(found);
}

function searchesOf(classes: Usage | null): Searches {
  return classes && [classes.searches, classes.fileSearches];
}

const cases: [what: string, output: object[], more: object, expected: [number, number]][] = [
  ['each search is counted once', [search('ws_1'), search('ws_2'), said], {}, [2, 0]],
  ['a call that says no action is a search', [first, said], {}, [1, 0]],
  ['opening a page is free', [search('ws_1'), page, said], {}, [1, 0]],
  ['searches of files are counted apart', [search('ws_1'), files, said], {}, [1, 1]],
  [
    'a count by the provider wins',
    [search('ws_1'), files, said],
    { tool_usage: { image_gen: { total_tokens: 0 }, web_search: { num_requests: 3 } } },
    [3, 1],
  ],
  [
    'a count of none does not',
    [search('ws_1'), said],
    { tool_usage: { web_search: { num_requests: 0 } } },
    [1, 0],
  ],
];

for (const [what, output, more, expected] of cases) {
  test(`of a response's searches, ${what}`, () => {
    const whole = response(output, { ...more, usage });
    assert.deepEqual(reported(responses, JSON.stringify(whole)), expected, 'whole');
    assert.deepEqual(reported(responses, JSON.stringify(whole, null, 2)), expected, 'indented');
    const stream = streamOf(output, whole);
    assert.deepEqual(reported(responses, stream), expected, 'streamed');
    const short = streamOf(output, { ...whole, output: [] });
    assert.deepEqual(reported(responses, short), expected, 'with an empty last event');
    const answer = readResponsesAnswer(Buffer.from(JSON.stringify(whole)));
    assert.deepEqual(searchesOf(answer.usage), expected, 'translated');
    assert.deepEqual(translated(new ResponsesStreamReader(), stream), expected);
    assert.deepEqual(translated(new ResponsesStreamReader(), short), expected);
  });
}

test('text about searches does not count as a search', () => {
  const whole = JSON.stringify(response([said], { usage }));
  assert.equal(reported(responses, whole), null, 'all of it is plain text');
});

test('the searches of xAI’s own tools are in its usage', () => {
  const told = {
    ...{ prompt_tokens: 10, completion_tokens: 5, total_tokens: 15, num_sources_used: 0 },
    server_side_tool_usage_details: {
      web_search_calls: 2,
      x_search_calls: 3,
      file_search_calls: 4,
    },
  };
  assert.deepEqual(reported(chat, JSON.stringify({ usage: told })), [5, 4]);
  const whole = response([search('ws_1'), said], {
    usage: { ...usage, server_side_tool_usage_details: told.server_side_tool_usage_details },
  });
  assert.deepEqual(reported(responses, JSON.stringify(whole)), [5, 4]);
});

test('the queries that ground Gemini’s answers are its searches, however often they are repeated', () => {
  // ai.google.dev, "Grounding with Google Search".
  const webSearchQueries = ['UEFA Euro 2024 winner', 'who won euro 2024'];
  const usageMetadata = { promptTokenCount: 9, candidatesTokenCount: 4 };
  const candidate = (text: string, more: object) => ({
    ...{ candidates: [{ content: { role: 'model', parts: [{ text }] }, ...more }], usageMetadata },
  });
  const grounded = { groundingMetadata: { webSearchQueries, groundingChunks: [] } };
  const last = candidate('2024.', { ...grounded, finishReason: 'STOP' });
  const whole = JSON.stringify(last);
  assert.deepEqual(reported(generate, whole), [2, 0]);
  assert.deepEqual(searchesOf(readGenerateAnswer(Buffer.from(whole)).usage), [2, 0]);
  const stream = [candidate('Spain ', grounded), candidate('won ', {}), last]
    .map((event) => `data: ${JSON.stringify(event)}\n\n`)
    .join('');
  assert.deepEqual(reported(generate, stream), [2, 0]);
  assert.deepEqual(translated(new GenerateStreamReader(), stream), [2, 0]);
  const snake = JSON.parse(whole, (key, value) =>
    key === 'candidates'
      ? [
          {
            ...value[0],
            grounding_metadata: { web_search_queries: ['a'] },
            groundingMetadata: null,
          },
        ]
      : value,
  );
  assert.deepEqual(
    searchesOf(readGenerateAnswer(Buffer.from(JSON.stringify(snake))).usage),
    [1, 0],
  );
  assert.equal(reported(generate, JSON.stringify(candidate('hi', {}))), null);
});
