import { CliError } from './failure.js';

/**
 * Sends a streaming chat request and gives each piece of the answer's text as it arrives.
 * @param url of the gateway, without a path.
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
  let rest = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.trim() === 'data: [DONE]') return answer;
      const text = textOfLine(line);
      if (text !== '') onText(text);
      answer += text;
    }
  }
  throw new CliError('the answer broke off');
}

function textOfLine(line: string): string {
  if (!line.startsWith('data: ')) return '';
  return JSON.parse(line.slice('data: '.length)).choices?.[0]?.delta?.content ?? '';
}
