import { SseSplitter } from '../../dialects/sse.js';
import { CliError } from '../failure.js';

/**
 * Sends a streaming chat request and passes on each piece of the answer's text as it arrives.
 * @param url the gateway's URL without a path.
 * @returns the whole text.
 * @throws CliError when the answer is an error or breaks off.
 */
export async function streamAnswer(
  url: string,
  key: string,
  body: string,
  onText: (text: string) => void,
  signal: AbortSignal,
): Promise<string> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body,
    signal,
  });
  if (!response.ok || response.body === null) {
    throw new CliError(`the gateway answered ${response.status}: ${await response.text()}`);
  }
  let answer = '';
  let isWhole = false;
  const splitter = new SseSplitter();
  for await (const chunk of response.body) {
    splitter.push(Buffer.from(chunk), ({ data }) => {
      if (data === '[DONE]') isWhole = true;
      else {
        const text = JSON.parse(data).choices?.[0]?.delta?.content ?? '';
        if (text !== '') onText(text);
        answer += text;
      }
    });
  }
  if (!isWhole) throw new CliError('the answer broke off');
  return answer;
}
