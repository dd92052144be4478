/** Measures the CPU that translating a small chat takes, and a piece of its stream, without sockets. */
import { noQuirks } from '../../src/dialects/codec.js';
import { codecs } from '../../src/dialects/codecs.js';
import type { ConversationDialect } from '../../src/dialects/conversation.js';
import { readConversation, Translator } from '../../src/dialects/translate/translator.js';
import { printTable, run } from '../faults/report.js';

const clients = [
  'openai.chat',
  'openai.responses',
  'anthropic.messages',
  'gemini.generate',
] as const;
const target = { model: 'claude-sonnet-4-5', maxOutputTokens: 1_000, quirks: noQuirks };
const text = 'The weather is fine. '.repeat(20);
const finish = { reason: 'stop', raw: null, sequence: null, detail: null } as const;

await run({ requests: 10_000, chunks: 30_000 }, async ({ requests, chunks }) => {
  const rows = [];
  for (const client of clients) {
    for (const provider of clients) {
      if (client === provider) continue;
      const body = requestIn(client);
      const answer = answerIn(provider);
      const translated = (stream: boolean) => {
        const request = readConversation(codecs[client], body, { model: 'm', stream });
        const way = new Translator(codecs[client], codecs[provider], 'p', Buffer.alloc(32), null);
        return way.write(request, target);
      };
      const [beginning, piece] = eventsIn(provider);
      const pipe = translated(true).stream();
      pipe.push(beginning);
      rows.push({
        client,
        provider,
        'us/request': cpuOf(requests, () => translated(false).answer(answer)),
        'us/chunk': cpuOf(chunks, () => pipe.push(piece)),
      });
    }
  }
  printTable(rows);
});

/** Average microseconds of CPU per call; a third of the calls before them is the warm-up. */
function cpuOf(calls: number, call: () => void): string {
  for (let i = 0; i < calls / 3; i++) call();
  const before = process.cpuUsage();
  for (let i = 0; i < calls; i++) call();
  const { user, system } = process.cpuUsage(before);
  return ((user + system) / calls).toFixed(1);
}

function requestIn(dialect: ConversationDialect): Buffer {
  const asked = { role: 'user', content: 'Tell me about the weather in Paris today, please.' };
  const chat = { model: 'm', messages: [{ role: 'system', content: 'You are helpful.' }, asked] };
  const read = readConversation(codecs['openai.chat'], Buffer.from(JSON.stringify(chat)), {
    model: 'm',
    stream: false,
  });
  return codecs[dialect].writeRequest({ ...read, maxTokens: 100, temperature: 0.5 }, target).body;
}

function answerIn(dialect: ConversationDialect): Buffer {
  const content = [{ type: 'text' as const, text, cache: null }];
  const common = { id: 'a', model: 'm', usage: null, error: null };
  return Buffer.from(codecs[dialect].writeAnswer({ ...common, content, finish }, 'm'));
}

/** The beginning of a stream, and an event with a word of its text. */
function eventsIn(dialect: ConversationDialect): [beginning: Buffer, piece: Buffer] {
  const writer = codecs[dialect].streamWriter('m', false);
  const [start, open, piece] = [
    writer.push({ type: 'start', id: 'a', model: 'm' }),
    writer.push({ type: 'open', block: 0, content: { type: 'text', text: '', cache: null } }),
    writer.push({ type: 'delta', block: 0, text: ' word' }),
  ].map((written) => Buffer.from(written ?? ''));
  return [Buffer.concat([start as Buffer, open as Buffer]), piece as Buffer];
}
