import { request as ask, type IncomingHttpHeaders } from 'node:http';
import type { TestContext } from 'node:test';
import type { Provider, ProviderType } from '../../src/config/configuration.js';
import { type Guardrail, newGuardrail } from '../../src/config/rows/guardrail.js';
import { codecs } from '../../src/dialects/codecs.js';
import { Fold } from '../../src/dialects/conversation/fold.js';
import {
  type ConversationAnswer,
  emptyRequest,
  type Part,
  textBlock,
} from '../../src/dialects/conversation.js';
import { readEvents } from '../../src/dialects/sse.js';
import { noClasses } from '../../src/dialects/usage.js';
import type { Gateway } from '../../src/proxy/gateway.js';
import { buildSnapshot } from '../../src/routing/snapshot.js';
import { configuration, credential, provider } from '../config/configuration-for-test.js';
import { gatewayForTest, recordsOf, serveGateway } from '../proxy/gateway-for-test.js';
import { type Answer, startUpstream, type Upstream } from '../support/upstream.js';

/** The dialects of conversation that clients speak. */
export const clientDialects = [
  'openai.chat',
  'openai.responses',
  'anthropic.messages',
  'gemini.generate',
] as const;
export type ClientDialect = (typeof clientDialects)[number];

const types: Readonly<Record<ClientDialect, ProviderType>> = {
  'openai.chat': 'openai',
  'openai.responses': 'openai',
  'anthropic.messages': 'anthropic',
  'gemini.generate': 'gemini',
};

export function pathOf(dialect: ClientDialect, stream: boolean): string {
  switch (dialect) {
    case 'openai.chat':
      return '/v1/chat/completions';
    case 'openai.responses':
      return '/v1/responses';
    case 'anthropic.messages':
      return '/v1/messages';
    case 'gemini.generate':
      return stream
        ? '/v1beta/models/m:streamGenerateContent?alt=sse'
        : '/v1beta/models/m:generateContent';
  }
}

/** A request with this prompt in a dialect. */
export function requestIn(dialect: ClientDialect, prompt: string, stream = false): Buffer {
  const request = emptyRequest('m', stream);
  request.maxTokens = 100;
  request.messages.push({ role: 'user', content: [textBlock(prompt)], at: 'messages[0]' });
  const target = {
    model: 'm',
    maxOutputTokens: null,
    quirks: { shortToolIds: false, oldMaxTokens: true, noStreamOptions: false },
  };
  return codecs[dialect].writeRequest(request, target).body;
}

const finish = { reason: 'stop', raw: null, sequence: null, detail: null } as const;
const usage = { ...noClasses, input: 3, output: 5 };

/** A whole answer of this text in a dialect. */
export function answerIn(dialect: ClientDialect, text: string): string {
  const answer: ConversationAnswer = {
    ...{ id: 'a1', model: 'm', content: [textBlock(text)], finish, usage, error: null },
  };
  return codecs[dialect].writeAnswer(answer, 'm');
}

/** The same as a stream, in these pieces. */
export function streamIn(dialect: ClientDialect, pieces: readonly string[]): Buffer {
  const parts: Part[] = [
    { type: 'start', id: 'a1', model: 'm' },
    { type: 'open', block: 0, content: textBlock('') },
    ...pieces.map((text) => ({ type: 'delta', block: 0, text }) as const),
    { type: 'close', block: 0 },
    { type: 'finish', finish, usage },
  ];
  const writer = codecs[dialect].streamWriter('m', true);
  return Buffer.concat(parts.map((part) => Buffer.from(writer.push(part) ?? '')));
}

/** The text of an answer or stream in a dialect. */
export function textIn(dialect: ClientDialect, body: string, stream: boolean): string {
  const answer = stream ? folded(dialect, body) : codecs[dialect].readAnswer(Buffer.from(body));
  return (answer?.content ?? [])
    .map((block) => (block.type === 'text' || block.type === 'reasoning' ? block.text : ''))
    .join('');
}

function folded(dialect: ClientDialect, body: string): ConversationAnswer | null {
  const fold = new Fold();
  const reader = codecs[dialect].streamReader();
  const out = (part: Part) => fold.push(part);
  for (const event of readEvents(Buffer.from(body))) reader.push(event, out);
  reader.end(out);
  return fold.answer;
}

export function guardrail(
  name: string,
  kind: Guardrail['kind'],
  config: Guardrail['config'] = {},
  fields: Partial<Guardrail> = {},
): Guardrail {
  return { ...newGuardrail, name, kind, ...fields, config };
}

export interface Guarded {
  origin: string;
  gateway: Gateway;
  provider: Upstream;
  /** The record of the last finished request. */
  last(): ReturnType<typeof recordsOf>[number] | undefined;
  records(): ReturnType<typeof recordsOf>;
}

/** A gateway with these guardrails before one provider that speaks a dialect. */
export async function guarded(
  t: TestContext,
  guardrails: Guardrail[],
  dialect: ClientDialect,
  answer: Answer,
  others: Provider[] = [],
): Promise<Guarded> {
  const upstream = await startUpstream(t, answer);
  const own = provider('p', {
    api_base: dialect === 'gemini.generate' ? upstream.url.replace('/v1', '/v1beta') : upstream.url,
    provider_type: types[dialect],
    model_mapping: { m: 'm', 'gpt-*': 'gpt-*' },
    ...(dialect === 'openai.responses' && { provider_params: { operations: ['responses'] } }),
  });
  const gateway = gatewayForTest(t, [own]);
  gateway.snapshot = buildSnapshot(
    { ...configuration([own, ...others], [credential('sk-test')]), guardrails },
    'guarded',
  );
  const origin = await serveGateway(t, gateway);
  const records = () => recordsOf(gateway);
  return { origin, gateway, provider: upstream, records, last: () => records().at(-1) };
}

export interface Posted {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  whole: boolean;
  /** Arrival of each piece of the body since the request was sent; milliseconds. */
  times: number[];
}

export function post(
  origin: string,
  path: string,
  body: Buffer | string,
  headers: Record<string, string> = { 'content-type': 'application/json' },
): Promise<Posted> {
  return new Promise((resolve, reject) => {
    const startMs = performance.now();
    const sent = ask(origin + path, { method: 'POST', agent: false, headers }, (response) => {
      let text = '';
      const times: number[] = [];
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
        times.push(performance.now() - startMs);
      });
      response.on('error', () => {});
      response.on('close', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text,
          whole: response.complete,
          times,
        }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Answers with JSON or, where the request asks for a stream, with these pieces as one. */
export function answers(dialect: ClientDialect, pieces: readonly string[]): Answer {
  return ({ path, body }, response) => {
    const isStream = path.includes('stream') || /"stream"\s*:\s*true/.test(body.toString());
    if (!isStream) {
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(answerIn(dialect, pieces.join('')));
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(streamIn(dialect, pieces));
  };
}
