import { socketEndpoints } from '../dialects/endpoints.js';
import type { Exchange } from '../server/exchange.js';
import { opcodes, writeFrame } from '../websocket/frames.js';
import { tokensOf } from './ask.js';
import { checkHandshake, openSocket } from './socket.js';
import { steeringOf } from './steering.js';

const paths = new Set(
  socketEndpoints.flatMap(({ dialect, path }) => (dialect.name === 'gemini.live' ? [path] : [])),
);

/** True for a path of Gemini's Live API. */
export function isLive(path: string): boolean {
  return paths.has(path);
}

/**
 * Answers a session of the Live API: each turn of the client gets the name of the model, the number of
 * turns before, and the length of the last one. The model `mock-cut-stream` gets half of it, and the
 * text `close CODE` that status of closing.
 * @throws ProviderError for a handshake that is refused.
 */
export async function answerLive(exchange: Exchange): Promise<void> {
  checkHandshake(exchange);
  const { stream, close, serve } = openSocket(exchange);
  let model: string | null = null;
  let turns = 0;
  // Google sends binary frames.
  const send = (message: object) =>
    stream.write(writeFrame(opcodes.binary, Buffer.from(JSON.stringify(message))));
  const answer = (text: string) => {
    const words = [`${model}: turn ${turns++}, `, `${text.length} characters.`];
    for (const word of words) {
      send({ serverContent: { modelTurn: { parts: [{ text: word }] } } });
      if (steeringOf(model?.replace(/^.*\//, '') ?? '')?.kind === 'cut-stream') {
        stream.destroy();
        return;
      }
    }
    const prompt = tokensOf(text.length);
    const usageMetadata = {
      promptTokenCount: prompt,
      responseTokenCount: words.length,
      totalTokenCount: prompt + words.length,
      promptTokensDetails: [{ modality: 'TEXT', tokenCount: prompt }],
      responseTokensDetails: [{ modality: 'TEXT', tokenCount: words.length }],
    };
    send({ serverContent: { generationComplete: true } });
    send({ serverContent: { turnComplete: true }, usageMetadata });
  };
  await serve((message) => {
    const { setup, clientContent, realtimeInput } = JSON.parse(message);
    if (model === null) {
      if (typeof setup?.model !== 'string') return close(1007, 'the first message must be a setup');
      model = setup.model;
      return send({ setupComplete: {} });
    }
    const text = realtimeInput?.text ?? clientContent?.turns?.at(-1)?.parts?.[0]?.text;
    if (typeof text !== 'string') return close(1007, 'only text is understood here');
    const [, code] = /^close (\d{4})$/.exec(text) ?? [];
    if (code !== undefined) return close(Number(code), 'as asked');
    answer(text);
  });
}
