import OpenAI from 'openai';

/** The official client of a gateway, without retries. It takes long to load: few tests need it. */
export function openAi(
  { url }: { url: string },
  apiKey: string,
  { timeout = 20_000 } = {},
): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey, timeout, maxRetries: 0 });
}
