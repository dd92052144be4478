import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countTokens, messages } from '../../src/dialects/anthropic/dialects.js';
import { readConverseUsage } from '../../src/dialects/bedrock/answer.js';
import { rerank } from '../../src/dialects/cohere/dialects.js';
import type { Dialect } from '../../src/dialects/dialect.js';
import { generate } from '../../src/dialects/gemini/dialect.js';
import { chat, embeddings } from '../../src/dialects/openai/dialects.js';
import { responses } from '../../src/dialects/openai/responses-dialect.js';
import {
  classesOf,
  disjoint,
  inputTokens,
  noClasses,
  outputTokens,
  type UsageClasses,
} from '../../src/dialects/usage.js';
import { AnswerKeeper } from '../../src/proxy/answer/answer-keeper.js';

function classesIn(dialect: Dialect, text: string): UsageClasses | null {
  const answer = new AnswerKeeper();
  answer.add(Buffer.from(text));
  const usage = dialect.readUsage(answer);
  return usage && classesOf(usage);
}

/** Examples of the providers' own documentation, by its title. */
const published: [source: string, dialect: Dialect, usage: object, classes: object][] = [
  [
    'OpenAI, guide "Prompt caching"',
    chat,
    {
      prompt_tokens: 2006,
      completion_tokens: 300,
      total_tokens: 2306,
      prompt_tokens_details: { cached_tokens: 1920 },
      completion_tokens_details: {
        reasoning_tokens: 0,
        accepted_prediction_tokens: 0,
        rejected_prediction_tokens: 0,
      },
    },
    { input: 86, cacheRead: 1920, output: 300 },
  ],
  [
    'OpenAI, guide "Reasoning models"',
    responses,
    {
      input_tokens: 75,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: 1186,
      output_tokens_details: { reasoning_tokens: 1024 },
      total_tokens: 1261,
    },
    { input: 75, output: 1186, reasoning: 1024 },
  ],
  [
    'OpenAI, API reference "Create embeddings"',
    embeddings,
    { prompt_tokens: 8, total_tokens: 8 },
    { input: 8 },
  ],
  [
    'Anthropic, "Prompt caching", of one hour',
    messages,
    {
      input_tokens: 2048,
      cache_read_input_tokens: 1800,
      cache_creation_input_tokens: 556,
      output_tokens: 503,
      cache_creation: { ephemeral_5m_input_tokens: 456, ephemeral_1h_input_tokens: 100 },
    },
    { input: 2048, cacheRead: 1800, cacheWrite5m: 456, cacheWrite1h: 100, output: 503 },
  ],
  [
    'Anthropic, "Web search tool"',
    messages,
    {
      input_tokens: 105,
      output_tokens: 6039,
      cache_read_input_tokens: 7123,
      cache_creation_input_tokens: 7345,
      server_tool_use: { web_search_requests: 1 },
    },
    { input: 105, cacheRead: 7123, cacheWrite5m: 7345, output: 6039, searches: 1 },
  ],
  [
    'DeepSeek, "Context caching"',
    chat,
    {
      prompt_tokens: 120,
      prompt_cache_hit_tokens: 100,
      prompt_cache_miss_tokens: 20,
      completion_tokens: 5,
      total_tokens: 125,
    },
    { input: 20, cacheRead: 100, output: 5 },
  ],
];

for (const [source, dialect, usage, classes] of published) {
  test(`the classes of the example in ${source} are disjoint`, () => {
    const expected = { ...noClasses, ...classes };
    assert.deepEqual(classesIn(dialect, JSON.stringify({ id: 'x', usage })), expected);
  });
}

test('the classes of Google’s example of context caching are disjoint', () => {
  // ai.google.dev, "Context caching", as print(response.usage_metadata) shows it.
  const usageMetadata = {
    promptTokenCount: 696_219,
    cachedContentTokenCount: 696_190,
    candidatesTokenCount: 214,
    totalTokenCount: 696_433,
  };
  assert.deepEqual(classesIn(generate, JSON.stringify({ usageMetadata })), {
    ...noClasses,
    ...{ input: 29, cacheRead: 696_190, output: 214 },
  });
});

test('audio and images are counted apart, without their cached tokens', () => {
  const usage = {
    prompt_tokens: 1000,
    completion_tokens: 100,
    total_tokens: 1100,
    prompt_tokens_details: {
      cached_tokens: 300,
      cached_tokens_details: { text_tokens: 200, audio_tokens: 100 },
      audio_tokens: 400,
      image_tokens: 50,
      cache_write_tokens: 7,
    },
    completion_tokens_details: { reasoning_tokens: 10, audio_tokens: 60, image_tokens: 5 },
  };
  assert.deepEqual(classesIn(chat, JSON.stringify({ usage })), {
    ...noClasses,
    ...{ input: 343, cacheRead: 300, cacheWrite5m: 7, audioInput: 300, imageInput: 50 },
    ...{ output: 35, reasoning: 10, audioOutput: 60, imageOutput: 5 },
  });
  const usageMetadata = {
    promptTokenCount: 500,
    cachedContentTokenCount: 120,
    cacheTokensDetails: [{ modality: 'AUDIO', tokenCount: 20 }],
    toolUsePromptTokenCount: 9,
    promptTokensDetails: [
      { modality: 'TEXT', tokenCount: 200 },
      { modality: 'AUDIO', tokenCount: 100 },
      { modality: 'IMAGE', tokenCount: 200 },
    ],
    candidatesTokenCount: 1300,
    candidatesTokensDetails: [{ modality: 'IMAGE', tokenCount: 1290 }],
    thoughtsTokenCount: 30,
  };
  assert.deepEqual(classesIn(generate, JSON.stringify({ usageMetadata })), {
    ...noClasses,
    ...{ input: 109, cacheRead: 120, audioInput: 80, imageInput: 200 },
    ...{ output: 40, reasoning: 30, imageOutput: 1290 },
  });
});

test('reasoning that a provider counts beside its output is output', () => {
  // xAI: the total is the sum of prompt, completion and reasoning.
  const usage = {
    prompt_tokens: 32,
    completion_tokens: 9,
    total_tokens: 135,
    completion_tokens_details: { reasoning_tokens: 94 },
    num_sources_used: 3,
  };
  assert.deepEqual(classesIn(chat, JSON.stringify({ usage })), {
    ...noClasses,
    ...{ input: 32, output: 103, reasoning: 94, searches: 3 },
  });
});

test('audio that is charged by its length reports seconds', () => {
  // OpenAI, API reference "Create transcription".
  const answer = JSON.stringify({ text: 'hi', usage: { type: 'duration', seconds: 9 } });
  assert.deepEqual(classesIn(chat, answer), { ...noClasses, seconds: 9 });
});

test('an answer says at which rate it is charged', () => {
  const usage = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 };
  const tierOf = (dialect: Dialect, body: object) => classesIn(dialect, JSON.stringify(body))?.tier;
  assert.equal(tierOf(chat, { usage, service_tier: 'flex' }), 'flex');
  assert.equal(tierOf(chat, { usage, service_tier: 'priority' }), 'priority');
  assert.equal(tierOf(chat, { usage, service_tier: 'default' }), null);
  assert.equal(tierOf(chat, { text: '"service_tier":"flex"', usage }), null);
  const counts = { input_tokens: 5, output_tokens: 2 };
  assert.equal(tierOf(messages, { usage: { ...counts, service_tier: 'batch' } }), 'batch');
  assert.equal(tierOf(messages, { usage: { ...counts, service_tier: 'standard' } }), null);
});

test('Cohere’s reranking is charged by searches, and counting tokens is not', () => {
  const answer = '{"results":[],"meta":{"api_version":{},"billed_units":{"search_units":2}}}';
  assert.deepEqual(classesIn(rerank, answer), { ...noClasses, searches: 2 });
  assert.equal(classesIn(countTokens, '{"usage":{"input_tokens":7,"output_tokens":0}}'), null);
});

test('Bedrock’s cache writes of one hour are counted apart', () => {
  const usage = readConverseUsage({
    inputTokens: 10,
    outputTokens: 3,
    cacheReadInputTokens: 200,
    cacheWriteInputTokens: 70,
    cacheDetails: [{ ttl: '1h', inputTokens: 30 }],
  });
  assert.deepEqual(usage, {
    ...noClasses,
    ...{ input: 10, cacheRead: 200, cacheWrite5m: 40, cacheWrite1h: 30, output: 3 },
  });
});

test('parts never add up to more than their totals', () => {
  const all = { cacheRead: 8, cacheWrite: 8, audioInput: 8, imageInput: 8 };
  const out = { reasoning: 9, audioOutput: 4, imageOutput: 4 };
  const classes = disjoint({ input: 20, output: 6, ...all, ...out });
  assert.deepEqual(classes, {
    ...noClasses,
    ...{ input: 0, cacheRead: 8, cacheWrite5m: 8, audioInput: 4, imageInput: 0 },
    ...{ output: 0, reasoning: 0, audioOutput: 4, imageOutput: 2 },
  });
  assert.deepEqual([inputTokens(classes), outputTokens(classes)], [20, 6]);
});
