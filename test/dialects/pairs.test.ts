import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Codec } from '../../src/dialects/codec.js';
import { codecs } from '../../src/dialects/codecs.js';
import {
  type Block,
  type ConversationAnswer,
  type ConversationRequest,
  conversationDialects,
  type ToolCallBlock,
} from '../../src/dialects/conversation.js';
import { KeptReasoning } from '../../src/dialects/translate/kept-reasoning.js';
import { readConversation, Translator } from '../../src/dialects/translate/translator.js';
import { answers, comparable, requests, type Subset, target } from './arbitraries.js';
import { asEvents, readStream, writeStream } from './streams.js';
import { subsets } from './subsets.js';

const key = Buffer.alloc(32, 7);

/** The subset that both dialects can say. */
function common(a: Subset, b: Subset): Subset {
  const both = { ...a };
  for (const name of Object.keys(a) as (keyof Subset)[]) {
    if (typeof a[name] === 'boolean') Object.assign(both, { [name]: a[name] && b[name] });
  }
  return { ...both, logprobs: false, reasoning: [], seals: [], finish: [['stop', null]] };
}

function translator(client: Codec, provider: Codec): Translator {
  return new Translator(client, provider, 'one', key, new KeptReasoning(1e6, 1e6));
}

function readAs(codec: Codec, body: Buffer, request: ConversationRequest): ConversationRequest {
  return readConversation(codec, body, { model: request.model, stream: request.stream });
}

/** The part of an answer that must survive; each dialect has its own words for a reason. */
function seen(answer: ConversationAnswer | null): unknown {
  assert.ok(answer);
  const { content, finish, usage } = answer;
  return { content, reason: finish.reason, usage };
}

for (const a of conversationDialects) {
  for (const b of conversationDialects) {
    if (a !== b) testPair(codecs[a], codecs[b], common(subsets[a], subsets[b]));
  }
}

function testPair(client: Codec, provider: Codec, subset: Subset): void {
  const pair = `${client.dialect} → ${provider.dialect}`;

  test(`${pair} and back: a request that both can say is unchanged`, () => {
    fc.assert(
      fc.property(requests(subset), (request) => {
        const first = readAs(client, client.writeRequest(request, target).body, request);
        const there = translator(client, provider).write(first, target);
        assert.deepEqual(there.losses, []);
        const second = readAs(provider, there.body, request);
        const back = translator(provider, client).write(second, target);
        assert.deepEqual(back.losses, []);
        const read = readAs(client, back.body, request);
        assert.deepEqual(comparable(read, subset), comparable(request, subset));
      }),
      { numRuns: 30 },
    );
  });

  test(`${pair}: an answer, whole or streamed, is seen by the client as it was given`, () => {
    fc.assert(
      fc.property(answers(subset), fc.array(fc.nat()), (given, cuts) => {
        const called = given.content.some(({ type }) => type === 'tool_call');
        const finish = { ...given.finish, reason: called ? 'tool_calls' : 'stop' } as const;
        const answer = { ...given, finish };
        const request = readAs(client, client.writeRequest(asked, target).body, asked);
        const translation = translator(client, provider).write(request, target);
        const whole = translation.answer(Buffer.from(provider.writeAnswer(answer, 'm')));
        const read = client.readAnswer(Buffer.from(whole.body));
        assert.deepEqual(seen(read), seen(answer));
        const pipe = translation.stream();
        const streamed = pipeThrough(pipe, asEvents(provider, writeStream(provider, answer)), cuts);
        assert.deepEqual(seen(readStream(client, streamed, [])), seen(answer));
        assert.equal(pipe.error, null);
        assert.deepEqual(pipe.usage, answer.usage);
      }),
      { numRuns: 30 },
    );
  });

  if (subsets[provider.dialect].seals.length > 0) testReasoning(client, provider, pair);
}

/** Reasoning before a call is sent to the client and returned unchanged. */
function testReasoning(client: Codec, provider: Codec, pair: string): void {
  const subset = { ...subsets[provider.dialect], anyOrder: false };
  for (const streamed of [false, true]) {
    test(`${pair}: sealed reasoning survives two turns, ${streamed ? 'streamed' : 'whole'}`, () => {
      fc.assert(
        fc.property(answers(subset), (given) => {
          const calls = given.content.filter(({ type }) => type === 'tool_call');
          const thoughts = given.content.filter(({ type }) => type === 'reasoning');
          fc.pre(calls.length > 0 && thoughts.length > 0);
          const answer = {
            ...given,
            finish: { reason: 'tool_calls', raw: null, sequence: null, detail: null },
          } as const;
          const way = translator(client, provider);
          const translation = way.write({ ...asked, stream: streamed }, target);
          const read = streamed
            ? readStream(
                client,
                pipeThrough(
                  translation.stream(),
                  asEvents(provider, writeStream(provider, answer)),
                  [],
                ),
                [],
              )
            : client.readAnswer(
                Buffer.from(
                  translation.answer(Buffer.from(provider.writeAnswer(answer, 'm'))).body,
                ),
              );
          assert.ok(read);
          const next = nextTurn(client, read);
          const sent = way.write(readAs(client, next, asked), target);
          assert.deepEqual(
            sent.losses.filter(({ reason }) => /reasoning/.test(reason)),
            [],
          );
          const back = readAs(provider, sent.body, asked).messages[1]?.content;
          assert.deepEqual(sealsOf(back), sealsOf(answer.content));
          const foreign = new Translator(client, provider, 'another', key, null);
          const elsewhere = foreign.write(readAs(client, next, asked), target);
          const elsewhereRead = readAs(provider, elsewhere.body, asked).messages[1]?.content;
          assert.deepEqual(sealsOf(elsewhereRead), []);
        }),
        { numRuns: 20 },
      );
    });
  }
}

function sealsOf(content: ConversationAnswer['content'] | undefined) {
  assert.ok(content);
  return content.flatMap((block) =>
    block.type === 'reasoning' && block.seal ? [{ text: block.text, seal: block.seal }] : [],
  );
}

const asked: ConversationRequest = {
  ...subsetsRequest(),
  messages: [{ role: 'user', content: [{ type: 'text', text: 'hi', cache: null }], at: '' }],
};

function subsetsRequest(): ConversationRequest {
  const [request] = fc.sample(
    requests(common(subsets['openai.chat'], subsets['gemini.generate'])),
    {
      numRuns: 1,
      seed: 1,
    },
  );
  assert.ok(request);
  return { ...request, tools: [], toolChoice: null, format: null, stream: true };
}

/** The client's next request, after an answer that calls tools. */
function nextTurn(client: Codec, answer: ConversationAnswer): Buffer {
  // Chat clients drop unknown fields.
  const drops = client.dialect === 'openai.chat' || client.dialect === 'gemini.generate';
  const content = answer.content.filter(
    (block) => !drops || block.type !== 'reasoning' || block.seal?.slot === 'call',
  );
  const results = content.flatMap((block): Block[] =>
    block.type === 'tool_call' ? [result(block)] : [],
  );
  const request: ConversationRequest = {
    ...asked,
    messages: [
      ...asked.messages,
      { role: 'assistant', content, at: '' },
      { role: 'tool', content: results, at: '' },
    ],
  };
  return client.writeRequest(request, target).body;
}

function result({ id, name }: ToolCallBlock): Block {
  const content: Block[] = [{ type: 'text', text: 'done', cache: null }];
  return { type: 'tool_result', id, name, content, error: false, cache: null };
}

function pipeThrough(
  pipe: ReturnType<ReturnType<Translator['write']>['stream']>,
  bytes: Buffer,
  cuts: readonly number[],
): Buffer {
  const places = cuts.map((cut) => cut % (bytes.length + 1)).sort((x, y) => x - y);
  const out: Buffer[] = [];
  let from = 0;
  for (const to of [...places, bytes.length]) {
    out.push(pipe.push(bytes.subarray(from, to)));
    from = to;
  }
  out.push(pipe.end());
  return Buffer.concat(out);
}
