import type { Answer, TextKind } from './answer.js';

/** Returns the body of a non-streaming answer; only `promptTokens` differs between requests. */
export type FullBody = (promptTokens: number) => Buffer;

/** A stream up to its usage. */
export interface StreamBody {
  /** The chunks that are sent one interval apart. */
  chunks: readonly Buffer[];
  /** Sent together with the last chunk: the finish reason. */
  finish: string;
  completionTokens: number;
}

/** The end of every stream. */
export const done = 'data: [DONE]\n\n';

/** Renders the answer for a request without `stream`. */
export function renderFull(answer: Answer): FullBody {
  const choices = eachChoice(answer, (index) => ({
    index,
    ...(answer.kind === 'chat' ? { message: messageOf(answer) } : { text: answer.pieces.join('') }),
    logprobs: null,
    finish_reason: answer.finishReason,
  }));
  const head = JSON.stringify({ ...envelope(answer, false), choices }).slice(0, -1);
  // Benchmarks repeat the same prompt.
  let last: { promptTokens: number; body: Buffer } | null = null;
  return (promptTokens) => {
    if (last?.promptTokens !== promptTokens) {
      const body = Buffer.from(`${head},"usage":${usage(promptTokens, tokensIn(answer))}}`);
      last = { promptTokens, body };
    }
    return last.body;
  };
}

/** Renders the answer as a stream of server-sent events. */
export function renderStream(answer: Answer): StreamBody {
  const { kind, pieces, tool, finishReason } = answer;
  const first = tool === null ? { role: 'assistant', content: '' } : callOf(tool, '');
  const deltas = kind === 'chat' ? [first, ...pieces.map((piece) => deltaOf(answer, piece))] : [];
  const steps =
    kind === 'chat'
      ? deltas.map((delta) => eventsOf(answer, { delta }, null))
      : pieces.map((text) => eventsOf(answer, { text }, null));
  return {
    chunks: steps.map((step) => Buffer.from(step)),
    finish: eventsOf(answer, kind === 'chat' ? { delta: {} } : { text: '' }, finishReason),
    completionTokens: tokensIn(answer),
  };
}

/** The chunk that reports the usage of a stream. */
export function usageEvent(
  kind: TextKind,
  model: string,
  promptTokens: number,
  completionTokens: number,
): string {
  const head = JSON.stringify({ ...envelope({ kind, model }, true), choices: [] }).slice(0, -1);
  return `data: ${head},"usage":${usage(promptTokens, completionTokens)}}\n\n`;
}

// Fixed when the module loads: bodies are rendered once and sent many times.
const created = Math.floor(Date.now() / 1000);

function envelope({ kind, model }: Pick<Answer, 'kind' | 'model'>, streamed: boolean): object {
  return kind === 'chat'
    ? {
        id: 'chatcmpl-mock',
        object: streamed ? 'chat.completion.chunk' : 'chat.completion',
        created,
        model,
        system_fingerprint: 'fp_mock',
      }
    : { id: 'cmpl-mock', object: 'text_completion', created, model };
}

function messageOf({ pieces, tool }: Answer): object {
  const text = pieces.join('');
  return tool === null
    ? { role: 'assistant', content: text, refusal: null }
    : {
        role: 'assistant',
        content: null,
        tool_calls: [
          { id: 'call_mock', type: 'function', function: { name: tool, arguments: text } },
        ],
        refusal: null,
      };
}

function callOf(name: string, argumentsText: string): object {
  const call = { id: 'call_mock', type: 'function', function: { name, arguments: argumentsText } };
  return { role: 'assistant', content: null, tool_calls: [{ index: 0, ...call }] };
}

function deltaOf({ tool }: Answer, piece: string): object {
  return tool === null
    ? { content: piece }
    : { tool_calls: [{ index: 0, function: { arguments: piece } }] };
}

/** One event for each choice. */
function eventsOf(answer: Answer, content: object, finishReason: string | null): string {
  const head = envelope(answer, true);
  return eachChoice(answer, (index) => {
    const choice = { index, ...content, logprobs: null, finish_reason: finishReason };
    return `data: ${JSON.stringify({ ...head, choices: [choice] })}\n\n`;
  }).join('');
}

function eachChoice<T>({ choices }: Answer, make: (index: number) => T): T[] {
  return Array.from({ length: choices }, (_, index) => make(index));
}

function tokensIn({ pieces, choices }: Answer): number {
  return pieces.length * choices;
}

function usage(promptTokens: number, completionTokens: number): string {
  const total = promptTokens + completionTokens;
  return `{"prompt_tokens":${promptTokens},"completion_tokens":${completionTokens},"total_tokens":${total}}`;
}
