import { randomUUID } from 'node:crypto';
import { isObject } from '../dialects/conversation/read.js';
import { ProviderError } from './provider-error.js';

const lifetimeSeconds = 600;

/** Keys for realtime sessions, and the models of these. */
export interface ClientSecrets {
  /** Answers a request for one, by its path. @throws ProviderError 400. */
  make(path: string, body: Buffer): string;
  /** The model of the session that a key is for; null for another key. */
  modelOf(key: string): string | null;
}

export function createClientSecrets(): ClientSecrets {
  const models = new Map<string, string>();
  return {
    make(path, body) {
      const asked: unknown = JSON.parse(body.toString());
      const of = isObject(asked) ? asked : {};
      const session = path.endsWith('/client_secrets') ? of.session : of;
      const transcribes = path.endsWith('/transcription_sessions');
      const model = modelIn(session);
      if (model === null) {
        throw new ProviderError(400, 'you must provide a model parameter', { param: 'model' });
      }
      const value = `ek_mock_${randomUUID()}`;
      models.set(value, model);
      const expires_at = Math.floor(Date.now() / 1000) + lifetimeSeconds;
      const id = `sess_${randomUUID()}`;
      if (path.endsWith('/client_secrets')) {
        const object = 'realtime.session';
        return JSON.stringify({
          value,
          expires_at,
          session: { object, id, ...(session as object) },
        });
      }
      const object = transcribes ? 'realtime.transcription_session' : 'realtime.session';
      return JSON.stringify({ ...of, id, object, client_secret: { value, expires_at } });
    },
    modelOf: (key) => models.get(key) ?? null,
  };
}

/** The model of a session in either form. */
function modelIn(session: unknown): string | null {
  if (!isObject(session)) return null;
  if (typeof session.model === 'string') return session.model;
  const input = isObject(session.audio) ? session.audio.input : null;
  const inner = isObject(input) ? input.transcription : session.input_audio_transcription;
  return isObject(inner) && typeof inner.model === 'string' ? inner.model : null;
}
