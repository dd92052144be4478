import { ApiError, errorOf, reach } from './api.js';
import { t } from './words.js';

export interface Message {
  role: 'system' | 'user' | 'assistant';
  content: string | readonly object[];
}

export interface ChatRequest {
  model: string;
  messages: readonly Message[];
  stream: boolean;
  tools?: readonly object[];
}

/** An answer so far. */
export interface ChatAnswer {
  requestId: string;
  text: string;
  /** The answer's bytes as text. */
  raw: string;
  firstMs: number | null;
  totalMs: number | null;
  cost: string | null;
  usage: { prompt_tokens: number; completion_tokens: number } | null;
}

/**
 * Sends a chat request with a client's key, as a client does.
 * @param onAnswer is called with each piece.
 * @throws ApiError, AbortError.
 */
export async function chat(
  key: string,
  request: ChatRequest,
  onAnswer: (answer: ChatAnswer) => void,
  signal: AbortSignal,
): Promise<void> {
  const startMs = performance.now();
  const options = request.stream ? { stream_options: { include_usage: true } } : {};
  const response = await reach('v1/chat/completions', {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ ...request, ...options }),
    signal,
    credentials: 'omit',
  });
  if (!response.ok) throw await errorOf(response);
  const answer: ChatAnswer = {
    requestId: response.headers.get('x-request-id') ?? '',
    text: '',
    raw: '',
    firstMs: null,
    totalMs: null,
    cost: response.headers.get('x-llmproxy-cost'),
    usage: null,
  };
  let text = '';
  /** Name and arguments of each called tool, by its index. */
  const calls = new Map<number, [string, string]>();
  const take = (data: string) => {
    const piece = JSON.parse(data);
    if (piece.error) throw new ApiError(502, 'upstream_failed', piece.error.message);
    const choice = piece.choices?.[0];
    const message = choice?.delta ?? choice?.message;
    text += message?.content ?? '';
    for (const [at, { index = at, function: called }] of (message?.tool_calls ?? []).entries()) {
      const [name, given] = calls.get(index) ?? ['', ''];
      calls.set(index, [name + (called?.name ?? ''), given + (called?.arguments ?? '')]);
    }
    const written = [...calls.values()].map(([name, given]) => `${name}(${given})`);
    answer.text = [text, ...written].filter(Boolean).join('\n');
    if (piece.usage) answer.usage = piece.usage;
    answer.cost ??= piece.usage?.['x-llmproxy-cost'] ?? null;
    if (answer.text !== '') answer.firstMs ??= performance.now() - startMs;
  };
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value = '', done } = (await reader?.read().catch(brokenOff)) ?? { done: true };
    answer.raw += value;
    rest += value;
    if (request.stream) {
      const events = rest.split('\n\n');
      rest = events.pop() ?? '';
      for (const event of events) {
        const data = event
          .split('\n')
          .filter((line) => line.startsWith('data:'))
          .map((line) => line.slice(5).trim())
          .join('\n');
        if (data !== '' && data !== '[DONE]') take(data);
      }
    }
    if (done) break;
    onAnswer({ ...answer });
  }
  if (!request.stream) take(answer.raw);
  answer.totalMs = performance.now() - startMs;
  onAnswer({ ...answer });
}

function brokenOff(error: unknown): never {
  if (error instanceof DOMException && error.name === 'AbortError') throw error;
  throw new ApiError(0, 'connection_lost', t('The answer broke off.'));
}

/** The same request as code. */
export function asCode(language: 'curl' | 'python' | 'node', request: ChatRequest): string {
  const base = `${new URL('.', location.href.split('#')[0]).href}v1`;
  const { model, messages, stream, tools } = request;
  const body = JSON.stringify({ model, messages, stream, ...(tools ? { tools } : {}) }, null, 2);
  if (language === 'curl') {
    return `curl ${stream ? '-N ' : ''}${base}/chat/completions \\
  -H "Authorization: Bearer $LLMPROXY_KEY" \\
  -H "Content-Type: application/json" \\
  -d '${body.replaceAll("'", "'\\''")}'`;
  }
  if (language === 'python') {
    const fields = `model=${JSON.stringify(model)},
    messages=${python(messages)},
    stream=${stream ? 'True' : 'False'},${tools ? `\n    tools=${python(tools)},` : ''}`;
    const print = stream
      ? 'for chunk in answer:\n    print(chunk.choices[0].delta.content or "" if chunk.choices else "", end="")'
      : 'print(answer.choices[0].message.content)';
    return `import os
from openai import OpenAI

client = OpenAI(base_url="${base}", api_key=os.environ["LLMPROXY_KEY"])
answer = client.chat.completions.create(
    ${fields}
)
${print}`;
  }
  const print = stream
    ? 'for await (const chunk of answer) {\n  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");\n}'
    : 'console.log(answer.choices[0].message.content);';
  return `import OpenAI from "openai";

const client = new OpenAI({
  baseURL: "${base}",
  apiKey: process.env.LLMPROXY_KEY,
});
const answer = await client.chat.completions.create(${body});
${print}`;
}

/** JSON as Python writes it. */
function python(value: unknown): string {
  return JSON.stringify(value, null, 4)
    .replace(
      /(?<=: |\[\s*)(true|false|null)(?=[,\s\]}])/g,
      (word) => ({ true: 'True', false: 'False', null: 'None' })[word] ?? word,
    )
    .replaceAll('\n', '\n    ');
}
