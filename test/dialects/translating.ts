import { noQuirks, type Quirks } from '../../src/dialects/codec.js';
import { codecs } from '../../src/dialects/codecs.js';
import type { ConversationDialect, JsonObject } from '../../src/dialects/conversation.js';
import type { ReasoningKeeper } from '../../src/dialects/translate/kept-reasoning.js';
import type { FetchedMedia } from '../../src/dialects/translate/remote-media.js';
import { readConversation, Translator } from '../../src/dialects/translate/translator.js';

export interface Ways {
  model?: string;
  maxOutputTokens?: number;
  quirks?: Partial<Quirks>;
  stream?: boolean;
  fetched?: ReadonlyMap<string, FetchedMedia>;
  kept?: ReasoningKeeper;
  provider?: string;
}

/** Any JSON, for tests that look into it by path. */
export type Json = ReturnType<typeof JSON.parse>;

/** A client's body as a provider is sent it, and the way back. */
export function translate(
  client: ConversationDialect,
  provider: ConversationDialect,
  body: object,
  ways: Ways = {},
) {
  const { model = 'model-x', maxOutputTokens = null, stream = null } = ways;
  const kept = ways.kept ?? null;
  const name = ways.provider ?? 'one';
  const way = new Translator(codecs[client], codecs[provider], name, Buffer.alloc(32, 1), kept);
  const bytes = Buffer.from(JSON.stringify(body));
  const request = readConversation(codecs[client], bytes, { model: 'asked', stream });
  const quirks = { ...noQuirks, ...ways.quirks };
  const translation = way.write(request, { model, maxOutputTokens, quirks }, ways.fetched);
  return {
    way,
    request,
    translation,
    sent: JSON.parse(translation.body.toString()),
    lost: translation.losses.map(({ kind, field }) => `${field} ${kind}`),
    answer: (given: object) =>
      JSON.parse(translation.answer(Buffer.from(JSON.stringify(given))).body),
    /** @param given the data of events, or their bytes */
    stream: (given: Buffer | readonly object[]) => {
      const pipe = translation.stream();
      const events = Buffer.isBuffer(given)
        ? given
        : Buffer.from(given.map((data) => `data: ${JSON.stringify(data)}\n\n`).join(''));
      return Buffer.concat([pipe.push(events), pipe.end()]).toString();
    },
  };
}

/** A body of chat with these messages. */
export function chat(...messages: object[]): JsonObject {
  return { model: 'asked', messages };
}

export const hi = { role: 'user', content: 'hi' };
