import type { Exchange } from '../server/exchange.js';
import { opcodes, writeFrame } from '../websocket/frames.js';
import { tokensOf } from './ask.js';
import type { ClientSecrets } from './client-secrets.js';
import { ProviderError } from './provider-error.js';
import { checkHandshake, openSocket } from './socket.js';
import { steer } from './steer.js';
import { steeringOf } from './steering.js';

/**
 * Answers a realtime session: `response.create` gets a text with the number of items said before,
 * whose length is that of the last one. The model `mock-cut-stream` gets half of it, and the text
 * `close CODE` that status of closing.
 * @throws ProviderError for a handshake that is refused.
 */
export async function answerRealtime(exchange: Exchange, secrets: ClientSecrets): Promise<void> {
  const model = modelOf(exchange, secrets);
  if (model === '')
    throw new ProviderError(400, 'you must provide a model parameter', { param: 'model' });
  checkHandshake(exchange);
  const steering = steeringOf(model);
  if (await steer(exchange, steering)) return;
  const { stream, close, serve } = openSocket(exchange);
  let events = 0;
  let items = 0;
  let last = '';
  const send = (type: string, fields: object = {}) => {
    const event = { type, event_id: `event_${++events}`, ...fields };
    stream.write(writeFrame(opcodes.text, Buffer.from(JSON.stringify(event))));
  };
  const respond = () => {
    const response = { id: `resp_${items}`, object: 'realtime.response', status: 'in_progress' };
    send('response.created', { response });
    const words = [`Item ${items}:`, ` ${last.length} characters.`];
    for (const delta of words) {
      send('response.output_text.delta', { response_id: response.id, delta });
      if (steering?.kind === 'cut-stream') {
        stream.destroy();
        return;
      }
    }
    const usage = {
      input_tokens: tokensOf(last.length),
      output_tokens: words.length,
      total_tokens: tokensOf(last.length) + words.length,
      input_token_details: {
        text_tokens: tokensOf(last.length),
        audio_tokens: 0,
        cached_tokens: 0,
      },
      output_token_details: { text_tokens: words.length, audio_tokens: 0 },
    };
    send('response.done', { response: { ...response, status: 'completed', usage } });
  };
  await serve((text) => {
    const { type, item } = JSON.parse(text);
    if (type === 'response.create') return respond();
    if (type === 'session.update') return send('session.updated', { session: { model } });
    if (type !== 'conversation.item.create') {
      const error = { type: 'invalid_request_error', message: `Unknown event: ${type}` };
      return send('error', { error });
    }
    items++;
    last = String(item?.content?.[0]?.text ?? '');
    send('conversation.item.created', { item });
    const [, code] = /^close (\d{4})$/.exec(last) ?? [];
    if (code !== undefined) close(Number(code), 'as asked');
  });
}

/** @throws ProviderError 401 for a key of a session that is not known. */
function modelOf(exchange: Exchange, secrets: ClientSecrets): string {
  const key = exchange.header('authorization').replace(/^Bearer /, '');
  if (!key.startsWith('ek_')) {
    const query = new URLSearchParams(exchange.query);
    return query.get('model') ?? query.get('deployment') ?? '';
  }
  const model = secrets.modelOf(key);
  if (model !== null) return model;
  throw new ProviderError(401, 'The client secret is not known.', { code: 'invalid_api_key' });
}
