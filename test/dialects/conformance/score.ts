import { isDeepStrictEqual } from 'node:util';
import type { Codec, RequestTarget } from '../../../src/dialects/codec.js';
import { noQuirks } from '../../../src/dialects/codec.js';
import {
  type Block,
  type ConversationAnswer,
  type ConversationRequest,
  emptyRequest,
  errorKinds,
  type FinishReason,
  finishReasons,
  type Part,
  type ReasoningBlock,
  textBlock,
} from '../../../src/dialects/conversation.js';
import { statusOf } from '../../../src/dialects/errors/conversation-error.js';
import { KeptReasoning } from '../../../src/dialects/translate/kept-reasoning.js';
import { readConversation, Translator } from '../../../src/dialects/translate/translator.js';
import { noClasses } from '../../../src/dialects/usage.js';
import { asEvents, readStream, writeStream } from '../streams.js';
import { type Feature, features } from './features.js';

/**
 * `exact`: provider and client get exactly what was sent. `told`: something is lost and reported.
 * `near`: a finish reason with only a similar equivalent. `refused`: 400, naming the field.
 * `unsaid`: the client's dialect cannot ask for it. `silent` would be a defect.
 */
export type Score = 'exact' | 'told' | 'near' | 'refused' | 'unsaid' | 'silent';

/** A recent model: its abilities must not limit those of the dialect. */
const target: RequestTarget = { model: 'claude-x', maxOutputTokens: null, quirks: noQuirks };

const place = { model: 'm', stream: false };

export interface Row {
  feature: string;
  score(client: Codec, provider: Codec): Score;
}

export const rows: readonly Row[] = [
  ...features.map((feature) => ({
    feature: feature.name,
    score: (client: Codec, provider: Codec) => scoreRequest(feature, client, provider),
  })),
  { feature: 'text and calls of an answer', score: (c, p) => scoreAnswer(c, p, false) },
  { feature: 'the same, streamed', score: (c, p) => scoreAnswer(c, p, true) },
  { feature: 'thinking over two turns', score: (c, p) => scoreThinking(c, p, false) },
  { feature: 'the same, streamed', score: (c, p) => scoreThinking(c, p, true) },
  { feature: 'stop reasons', score: scoreFinish },
  { feature: 'usage classes', score: scoreUsage },
  { feature: 'errors', score: scoreErrors },
  { feature: 'errors in the middle of a stream', score: scoreStreamError },
];

function translator(client: Codec, provider: Codec): Translator {
  return new Translator(client, provider, 'one', Buffer.alloc(32), new KeptReasoning(1e6, 1e6));
}

function scoreRequest({ request, seen }: Feature, client: Codec, provider: Codec): Score {
  const said = client.writeRequest(request, target);
  if (said.losses.length > 0) return 'unsaid';
  const read = readConversation(client, said.body, place);
  if (!isDeepStrictEqual(seen(read), seen(request))) return 'unsaid';
  const written = translator(client, provider).write(read, target);
  if (written.losses.some(({ kind }) => kind === 'rejected')) return 'refused';
  if (written.losses.length > 0) return 'told';
  const arrived = provider.readRequest(written.body, place);
  return isDeepStrictEqual(seen(arrived), seen(request)) ? 'exact' : 'silent';
}

const asked: ConversationRequest = {
  ...emptyRequest('m', true),
  messages: [{ role: 'user', content: [textBlock('hi')], at: '' }],
};

function answered(change: Partial<ConversationAnswer>): ConversationAnswer {
  return {
    id: 'id_1',
    model: 'm',
    content: [textBlock('hello')],
    finish: finish('stop'),
    usage: null,
    error: null,
    ...change,
  };
}

function finish(reason: FinishReason) {
  return { reason, raw: null, sequence: null, detail: null };
}

/** The answer as parsed by the client. */
function delivered(
  client: Codec,
  provider: Codec,
  answer: ConversationAnswer,
  streamed: boolean,
  way = translator(client, provider),
): ConversationAnswer | null {
  const translation = way.write(asked, target);
  if (!streamed) {
    const given = Buffer.from(provider.writeAnswer(answer, 'm'));
    return client.readAnswer(Buffer.from(translation.answer(given).body));
  }
  const pipe = translation.stream();
  const out = [pipe.push(asEvents(provider, writeStream(provider, answer))), pipe.end()];
  return readStream(client, Buffer.concat(out), []);
}

function call(id: string): Block {
  const common = { type: 'tool_call', name: 'look', namespace: null, custom: false } as const;
  return { ...common, id, input: '{"a":1}', cache: null };
}

function scoreAnswer(client: Codec, provider: Codec, streamed: boolean): Score {
  const content = [textBlock('hello'), call('call_aaaa'), call('call_bbbb')];
  const answer = answered({ content, finish: finish('tool_calls') });
  const seen = delivered(client, provider, answer, streamed);
  return isDeepStrictEqual(seen?.content, content) ? 'exact' : 'silent';
}

const slots = { 'openai.responses': 'encrypted', 'gemini.generate': 'call' } as const;

function scoreThinking(client: Codec, provider: Codec, streamed: boolean): Score {
  const { dialect } = provider;
  const slot = slots[dialect as keyof typeof slots] ?? 'signature';
  const seal = {
    dialect,
    provider: null,
    slot,
    id: slot === 'encrypted' ? 'rs_1' : null,
    data: 'AAAA',
  };
  const thought: ReasoningBlock = { type: 'reasoning', text: slot === 'call' ? '' : 'hm', seal };
  const answer = answered({ content: [thought, call('call_aaaa')], finish: finish('tool_calls') });
  const way = translator(client, provider);
  const seen = delivered(client, provider, answer, streamed, way);
  const calls = seen?.content.find((block) => block.type === 'tool_call');
  if (!seen || calls?.type !== 'tool_call') return 'silent';
  const drops = client.dialect === 'openai.chat';
  const content = seen.content.filter(({ type }) => !drops || type !== 'reasoning');
  const done: Block = {
    ...{ type: 'tool_result', id: calls.id, name: calls.name, error: false, cache: null },
    content: [textBlock('done')],
  };
  const next: ConversationRequest = {
    ...asked,
    messages: [
      ...asked.messages,
      { role: 'assistant', content, at: '' },
      { role: 'tool', content: [done], at: '' },
    ],
  };
  const sent = way.write(
    readConversation(client, client.writeRequest(next, target).body, place),
    target,
  );
  const back = provider.readRequest(sent.body, place).messages[1]?.content;
  const returned = back?.filter(({ type }) => type === 'reasoning');
  return isDeepStrictEqual(returned, [thought])
    ? 'exact'
    : sent.losses.length > 0
      ? 'told'
      : 'silent';
}

function scoreFinish(client: Codec, provider: Codec): Score {
  for (const reason of finishReasons) {
    if (reason === 'error' || reason === 'other') continue;
    const content = reason === 'tool_calls' ? [call('call_aaaa')] : [textBlock('x')];
    const answer = answered({ content, finish: finish(reason) });
    const own = provider.readAnswer(Buffer.from(provider.writeAnswer(answer, 'm')));
    // The provider cannot give a reason that it has no word for.
    if (own.finish.reason !== reason) continue;
    const seen = delivered(client, provider, answer, true);
    if (!seen || seen.error || seen.finish.reason === 'other') return 'silent';
    if (seen.finish.reason !== reason) {
      if (seen.finish.reason === 'stop') return 'silent';
      return 'near';
    }
  }
  return 'exact';
}

function scoreUsage(client: Codec, provider: Codec): Score {
  const usage = {
    ...noClasses,
    input: 1,
    cacheRead: 20,
    cacheWrite5m: 300,
    output: 4000,
    reasoning: 500,
  };
  const answer = answered({ usage });
  const own = provider.readAnswer(Buffer.from(provider.writeAnswer(answer, 'm'))).usage;
  const seen = delivered(client, provider, answer, true)?.usage;
  if (isDeepStrictEqual(seen, own)) return 'exact';
  const total = (of: typeof own) =>
    of && of.input + of.cacheRead + of.cacheWrite5m + of.cacheWrite1h;
  const same = seen && own && total(seen) === total(own) && seen.output === own.output;
  return same ? 'near' : 'silent';
}

function scoreErrors(client: Codec, provider: Codec): Score {
  let score: Score = 'exact';
  for (const kind of errorKinds) {
    const status = statusOf(kind);
    const given = { kind, status, message: 'Why.', code: null, param: null, retryAfter: null };
    const own = provider.readError(Buffer.from(provider.writeError(given)), status);
    const told = translator(client, provider)
      .write(asked, target)
      .error(Buffer.from(provider.writeError(given)), status);
    const seen = client.readError(Buffer.from(told.body), told.status);
    if (seen.message !== 'Why.') return 'silent';
    if (seen.kind !== own.kind) score = 'near';
  }
  return score;
}

function scoreStreamError(client: Codec, provider: Codec): Score {
  const writer = provider.streamWriter('m', true);
  const error = {
    kind: 'overloaded',
    status: 503,
    message: 'Busy.',
    code: null,
    param: null,
    retryAfter: null,
  } as const;
  const parts: Part[] = [
    { type: 'start', id: 'a', model: 'm' },
    { type: 'open', block: 0, content: textBlock('') },
    { type: 'delta', block: 0, text: 'hel' },
    { type: 'error', error },
  ];
  const given = parts.map((part) => {
    const piece = writer.push(part) ?? '';
    return typeof piece === 'string' ? Buffer.from(piece) : piece;
  });
  const pipe = translator(client, provider).write(asked, target).stream();
  const out = Buffer.concat([pipe.push(asEvents(provider, Buffer.concat(given))), pipe.end()]);
  const seen = readStream(client, out, []);
  return seen?.error?.message === 'Busy.' ? 'exact' : 'silent';
}
