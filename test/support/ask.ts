import { type IncomingHttpHeaders, request } from 'node:http';

export interface Answered {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

export interface AskOptions {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
  /** Aborted to make the client leave. */
  signal?: AbortSignal;
}

/**
 * Sends one request on its own connection, so that any worker may get it.
 * @throws Error where the connection or the answer breaks.
 */
export function ask(url: string, options: AskOptions = {}): Promise<Answered> {
  const { method = 'GET', headers = {}, body, signal } = options;
  return new Promise((resolve, reject) => {
    const leave = signal ? { signal } : {};
    const sent = request(url, { method, headers, agent: false, ...leave }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
      );
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Sends a chat request on its own connection. */
export function askChat(
  url: string,
  key: string,
  model: string,
  more: Record<string, unknown> = {},
): Promise<Answered> {
  return ask(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: bearer(key),
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }], ...more }),
  });
}

export function bearer(key: string): Record<string, string> {
  return { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
}
