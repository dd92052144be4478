import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codecs } from '../../src/dialects/codecs.js';
import {
  type ConversationAnswer,
  type ConversationRequest,
  conversationDialects,
  emptyRequest,
  errorKinds,
  type Finish,
  textBlock,
} from '../../src/dialects/conversation.js';
import {
  embeddingCodecs,
  readEmbedding,
  translateEmbedding,
} from '../../src/dialects/embeddings/translate.js';
import { statusOf } from '../../src/dialects/errors/conversation-error.js';
import { noClasses } from '../../src/dialects/usage.js';
import { target } from './arbitraries.js';
import { readStream, writeStream } from './streams.js';
import { chat, hi, type Json, translate } from './translating.js';

const stopped: Finish = { reason: 'stop', raw: null, sequence: null, detail: null };
const answer: ConversationAnswer = {
  id: 'id_1',
  model: 'm',
  content: [textBlock('hello')],
  finish: stopped,
  usage: {
    ...noClasses,
    ...{ input: 1, cacheRead: 2, cacheWrite5m: 4, cacheWrite1h: 8, output: 32, reasoning: 16 },
  },
  error: null,
};

/** The body of the answer, without times and minted ids. */
function written(dialect: keyof typeof codecs): Json {
  const skipped = new Set(['created', 'created_at']);
  const minted = /^(msg|rs|fc)_[0-9a-f]{24}$/;
  return JSON.parse(codecs[dialect].writeAnswer(answer, 'm'), (key, value) =>
    skipped.has(key) || minted.test(String(value)) ? undefined : value,
  );
}

test('a whole chat answer has every field that OpenAI documents', () => {
  assert.deepEqual(written('openai.chat'), {
    id: 'id_1',
    object: 'chat.completion',
    model: 'm',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'hello', refusal: null },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage: {
      prompt_tokens: 15,
      completion_tokens: 32,
      total_tokens: 47,
      prompt_tokens_details: { cached_tokens: 2, cache_write_tokens: 12 },
      completion_tokens_details: { reasoning_tokens: 16 },
    },
  });
});

test('a whole response has every field that OpenAI documents', () => {
  const { object, status, output, usage, store, error, incomplete_details } =
    written('openai.responses');
  assert.deepEqual(
    [object, status, store, error, incomplete_details],
    ['response', 'completed', false, null, null],
  );
  const content = [{ type: 'output_text', text: 'hello', annotations: [], logprobs: [] }];
  assert.deepEqual(output, [{ type: 'message', status: 'completed', role: 'assistant', content }]);
  assert.deepEqual(usage, {
    input_tokens: 15,
    input_tokens_details: { cached_tokens: 2, cache_write_tokens: 12 },
    output_tokens: 32,
    output_tokens_details: { reasoning_tokens: 16 },
    total_tokens: 47,
  });
});

test('a whole message has every field that Anthropic documents', () => {
  assert.deepEqual(written('anthropic.messages'), {
    id: 'id_1',
    type: 'message',
    role: 'assistant',
    model: 'm',
    content: [{ type: 'text', text: 'hello' }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: {
      input_tokens: 1,
      cache_creation_input_tokens: 12,
      cache_read_input_tokens: 2,
      output_tokens: 32,
      cache_creation: { ephemeral_5m_input_tokens: 4, ephemeral_1h_input_tokens: 8 },
      output_tokens_details: { thinking_tokens: 16 },
    },
  });
});

test('whole answers of Gemini and Bedrock have all that Google and AWS say', () => {
  assert.deepEqual(written('gemini.generate'), {
    candidates: [
      { content: { parts: [{ text: 'hello' }], role: 'model' }, finishReason: 'STOP', index: 0 },
    ],
    usageMetadata: {
      promptTokenCount: 15,
      candidatesTokenCount: 16,
      totalTokenCount: 47,
      thoughtsTokenCount: 16,
      cachedContentTokenCount: 2,
    },
    modelVersion: 'm',
    responseId: 'id_1',
  });
  assert.deepEqual(written('bedrock.converse'), {
    output: { message: { role: 'assistant', content: [{ text: 'hello' }] } },
    stopReason: 'end_turn',
    usage: {
      inputTokens: 1,
      outputTokens: 32,
      totalTokens: 47,
      cacheReadInputTokens: 2,
      cacheWriteInputTokens: 12,
      cacheDetails: [
        { ttl: '5m', inputTokens: 4 },
        { ttl: '1h', inputTokens: 8 },
      ],
    },
    metrics: { latencyMs: 0 },
  });
});

/** Asks for everything that has a name. */
const everything: ConversationRequest = {
  ...emptyRequest('m', false),
  messages: [{ role: 'user', content: [textBlock('hi')], at: '' }],
  tools: [
    {
      ...{ type: 'function', name: 'look', namespace: null, description: null, strict: null },
      schema: { type: 'object', properties: { a: { type: 'string' } } },
      cache: null,
    },
  ],
  toolChoice: { type: 'auto' },
  parallelTools: false,
  maxTokens: 50_000,
  temperature: 0.5,
  topP: 0.99,
  topK: 3,
  stop: ['x'],
  seed: 1,
  presencePenalty: 1,
  frequencyPenalty: 1,
  logprobs: 2,
  choices: 2,
  user: 'u',
};

for (const dialect of conversationDialects) {
  test(`${dialect}: the names of its fields are those of its bodies`, () => {
    const { fields } = codecs[dialect];
    const schema = { type: 'object', properties: { a: { type: 'string' } } };
    const format = { type: 'schema', name: null, description: null, schema, strict: null } as const;
    const reasoning = { effort: null, budget: 2048, visible: null } as const;
    // Fields that exclude each other need bodies of their own.
    const asked = [everything, { ...everything, format }, { ...everything, reasoning }];
    const bodies = asked.map((request) => codecs[dialect].writeRequest(request, target).body);
    for (const name of Object.values(fields)) {
      if (name === null) continue;
      const found = bodies.some((body) => at(JSON.parse(body.toString()), name) !== undefined);
      assert.ok(found, `${name} stands in no body`);
    }
  });
}

function at(body: Json, path: string): unknown {
  return path.split('.').reduce((value, key) => value?.[key], body);
}

test('each kind of error has the type, and the status, that clients of a dialect know', () => {
  const rows = errorKinds.map((kind) => {
    const error = {
      kind,
      status: statusOf(kind),
      message: 'm',
      code: null,
      param: null,
      retryAfter: null,
    };
    const body = (dialect: keyof typeof codecs): Json =>
      JSON.parse(codecs[dialect].writeError(error));
    return [
      `${kind} ${error.status}`,
      body('openai.chat').error.type,
      body('anthropic.messages').error.type,
      body('gemini.generate').error.status,
      body('bedrock.converse').__type,
    ].join(' ');
  });
  assert.deepEqual(rows, [
    'invalid_request 400 invalid_request_error invalid_request_error INVALID_ARGUMENT ValidationException',
    'authentication 401 authentication_error authentication_error UNAUTHENTICATED UnrecognizedClientException',
    'billing 402 insufficient_quota billing_error RESOURCE_EXHAUSTED ServiceQuotaExceededException',
    'permission 403 permission_error permission_error PERMISSION_DENIED AccessDeniedException',
    'not_found 404 invalid_request_error not_found_error NOT_FOUND ResourceNotFoundException',
    'conflict 409 invalid_request_error conflict_error ABORTED ConflictException',
    'too_large 413 invalid_request_error request_too_large INVALID_ARGUMENT ValidationException',
    'rate_limit 429 rate_limit_error rate_limit_error RESOURCE_EXHAUSTED ThrottlingException',
    'internal 500 server_error api_error INTERNAL InternalServerException',
    'timeout 504 server_error timeout_error DEADLINE_EXCEEDED ModelTimeoutException',
    'overloaded 503 server_error overloaded_error UNAVAILABLE ServiceUnavailableException',
  ]);
});

test('a refusal without a text of its own is given one, in whole and streamed', () => {
  const refused = {
    ...answer,
    content: [],
    finish: { ...stopped, reason: 'refusal', detail: 'no' },
  } as const;
  for (const dialect of ['openai.chat', 'openai.responses'] as const) {
    const codec = codecs[dialect];
    for (const read of [
      codec.readAnswer(Buffer.from(codec.writeAnswer({ ...refused, content: [] }, 'm'))),
      readStream(codec, writeStream(codec, { ...refused, content: [] }), []),
    ]) {
      assert.deepEqual(read?.content, [{ type: 'refusal', text: 'no' }], dialect);
      assert.equal(read?.finish.reason, 'refusal');
    }
  }
});

test('the text of a refusal stays one, whole and streamed', () => {
  const content = [{ type: 'refusal', text: 'I will not.' } as const];
  const refused = { ...answer, content, finish: { ...stopped, reason: 'refusal' } } as const;
  for (const dialect of ['openai.chat', 'openai.responses'] as const) {
    const codec = codecs[dialect];
    const given = { ...refused, content: [...content] };
    const whole = codec.readAnswer(Buffer.from(codec.writeAnswer(given, 'm')));
    const streamed = readStream(codec, writeStream(codec, given), []);
    assert.deepEqual([whole.content, streamed?.content], [content, content], dialect);
  }
});

test('functions of the old kind are tools', () => {
  const function_call = { name: 'look', arguments: '{"a":1}' };
  const result = { role: 'function', name: 'look', content: 'seen' };
  const body = chat(hi, { role: 'assistant', content: null, function_call }, result);
  const { messages } = translate('openai.chat', 'anthropic.messages', body).sent;
  assert.deepEqual(messages[1].content, [
    { type: 'tool_use', id: 'look', name: 'look', input: { a: 1 } },
  ]);
  assert.equal(messages[2].content[0].tool_use_id, 'look');
});

test('Gemini is sent at most five stop sequences; the rest are reported as losses', () => {
  const stop = ['a', 'b', 'c', 'd', 'e'];
  const five = translate('openai.chat', 'gemini.generate', { ...chat(hi), stop });
  assert.deepEqual([five.sent.generationConfig.stopSequences, five.lost], [stop, []]);
  const six = translate('openai.chat', 'gemini.generate', { ...chat(hi), stop: [...stop, 'f'] });
  assert.deepEqual(six.sent.generationConfig.stopSequences, stop);
  assert.deepEqual(six.lost, ['stop approximated']);
});

test('blocks that only their dialect knows are carried whole', () => {
  const raws = {
    'openai.responses': { type: 'web_search_call', id: 'ws_1', status: 'completed' },
    'anthropic.messages': { type: 'server_tool_use', id: 's', name: 'web_search', input: {} },
    'gemini.generate': { executableCode: { code: 'x' } },
  } as const;
  for (const [name, raw] of Object.entries(raws)) {
    const dialect = name as keyof typeof raws;
    const codec = codecs[dialect];
    const block = { type: 'unknown', dialect, name: 'x', raw } as const;
    const given = { ...answer, content: [block, textBlock('hello')] };
    const whole = codec.readAnswer(Buffer.from(codec.writeAnswer(given, 'm')));
    const streamed = readStream(codec, writeStream(codec, given), []);
    for (const read of [whole, streamed]) {
      const [first] = read?.content ?? [];
      assert.deepEqual(first?.type === 'unknown' && first.raw, raw, dialect);
    }
  }
});

test('formats of audio have OpenAI’s names there, and media types elsewhere', () => {
  const part = (format: string) => ({ type: 'input_audio', input_audio: { data: 'AAAA', format } });
  const body = chat({ role: 'user', content: [part('mp3'), part('wav')] });
  const { parts } = translate('openai.chat', 'gemini.generate', body).sent.contents[0];
  assert.deepEqual(
    parts.map((one: Json) => one.inlineData.mimeType),
    ['audio/mpeg', 'audio/wav'],
  );
  const google = { contents: [{ parts }] };
  const { content } = translate('gemini.generate', 'openai.chat', google).sent.messages[0];
  assert.deepEqual(
    content.map((one: Json) => one.input_audio.format),
    ['mp3', 'wav'],
  );
  const blocks = translate('openai.chat', 'bedrock.converse', body).sent.messages[0].content;
  assert.deepEqual(
    blocks.map((one: Json) => one.audio.format),
    ['mp3', 'wav'],
  );
});

test('documents have Bedrock’s names of formats there', () => {
  const source = { type: 'text', media_type: 'text/plain', data: 'plain' };
  const messages = [{ role: 'user', content: [{ type: 'document', source }] }];
  const { sent } = translate('anthropic.messages', 'bedrock.converse', { max_tokens: 5, messages });
  assert.deepEqual(sent.messages[0].content[0].document.format, 'txt');
});

test('the status of an error is the provider’s own, in a stream that of its type', () => {
  const codec = codecs['anthropic.messages'];
  const body = { type: 'error', error: { type: 'overloaded_error', message: 'm' } };
  assert.equal(codec.readError(Buffer.from(JSON.stringify(body)), 529).status, 529);
  const streamed = readStream(codec, Buffer.from(`data: ${JSON.stringify(body)}\n\n`), []);
  assert.equal(streamed?.error?.status, 503);
});

test('no thinking is the least that a Gemini can', () => {
  const body = { ...chat(hi), reasoning_effort: 'none' };
  const thinking = (model: string) => {
    const { sent, lost } = translate('openai.chat', 'gemini.generate', body, { model });
    return [sent.generationConfig.thinkingConfig.thinkingBudget, lost];
  };
  assert.deepEqual(thinking('gemini-2.5-flash'), [0, []]);
  assert.deepEqual(thinking('gemini-2.5-pro'), [128, ['reasoning_effort approximated']]);
});

test('Claude at Bedrock thinks even without a maximum of tokens', () => {
  const body = { ...chat(hi), reasoning_effort: 'low' };
  const ways = { model: 'anthropic.claude-3-7-sonnet-20250219-v1:0' };
  const { sent, lost } = translate('openai.chat', 'bedrock.converse', body, ways);
  const thinking = { type: 'enabled', budget_tokens: 2048 };
  assert.deepEqual(sent.additionalModelRequestFields, { thinking });
  assert.deepEqual(lost, []);
  const llama = translate('openai.chat', 'bedrock.converse', body, { model: 'meta.llama3-3-70b' });
  assert.deepEqual(llama.lost, ['reasoning_effort dropped']);
});

test('embeddings have all that each API says', () => {
  const openai = embeddingCodecs['openai.embeddings'];
  const body = Buffer.from(
    JSON.stringify({ model: 'm', input: ['a'], dimensions: 256, user: 'u' }),
  );
  const request = readEmbedding(openai, body, 'm');
  const sent = Object.values(embeddingCodecs).map((provider) => {
    const way = translateEmbedding(openai, provider, request, 'm');
    return [
      JSON.parse(way.body.toString()),
      way.losses.map(({ field, kind }) => `${field} ${kind}`),
    ];
  });
  const cohere = {
    texts: ['a'],
    input_type: 'search_document',
    embedding_types: ['float'],
    output_dimension: 256,
  };
  const one = { model: 'models/m', content: { parts: [{ text: 'a' }] }, outputDimensionality: 256 };
  assert.deepEqual(sent, [
    [{ model: 'm', input: ['a'], dimensions: 256, user: 'u' }, []],
    [{ requests: [one] }, ['user dropped']],
    [{ model: 'm', ...cohere }, ['user dropped', 'purpose approximated']],
    [
      { instances: [{ content: 'a' }], parameters: { outputDimensionality: 256 } },
      ['user dropped'],
    ],
    [
      { content: { parts: [{ text: 'a' }] }, embedContentConfig: { outputDimensionality: 256 } },
      ['user dropped'],
    ],
    [{ inputText: 'a', dimensions: 256 }, ['user dropped']],
    [cohere, ['user dropped', 'purpose approximated']],
  ]);
  const told = openai.writeAnswer({ vectors: [[1]], tokens: 5 }, request);
  assert.deepEqual(JSON.parse(told), {
    object: 'list',
    data: [{ object: 'embedding', index: 0, embedding: [1] }],
    model: 'm',
    usage: { prompt_tokens: 5, total_tokens: 5 },
  });
  for (const codec of Object.values(embeddingCodecs)) {
    const said = codec.writeRequest({ ...request, user: null, single: true }, 'm').body;
    assert.equal(codec.readRequest(said, 'm').dimensions, 256, codec.dialect);
  }
});
