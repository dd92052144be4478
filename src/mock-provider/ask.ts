import { isForm } from '../dialects/body/multipart.js';
import { isObject } from '../dialects/conversation/read.js';
import type { Exchange } from '../server/exchange.js';
import { ProviderError } from './provider-error.js';
import { scanFields } from './scan-fields.js';
import { chooseToolCall, exampleOf, type ToolCall } from './tool-call.js';

/** The fields of a request, which has a model. */
export type Fields = Record<string, unknown> & { model: string };

/** The options of a request for text that the mock honours. */
export interface Ask {
  model: string;
  stream: boolean;
  /** Send the usage as the last chunk of a stream. */
  includeUsage: boolean;
  promptTokens: number;
  /** Number of choices (`n`). */
  choices: number;
  /** Infinity when the request sets none. */
  maxTokens: number;
  toolCall: ToolCall | null;
  /** JSON that answers a request for structured output; null: text is asked for. */
  structured: string | null;
}

/**
 * Parses a request body; `readAsk` may have removed its large members.
 * @throws ProviderError 400 when it is not JSON, not an object, or names no model.
 */
export function parseBody(body: Buffer): Fields {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString());
  } catch {
    throw new ProviderError(400, 'We could not parse the JSON body of your request.');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new ProviderError(400, 'The body of your request must be a JSON object.');
  }
  const fields = parsed as Record<string, unknown>;
  if (typeof fields.model !== 'string' || fields.model === '') {
    throw new ProviderError(400, 'you must provide a model parameter', { param: 'model' });
  }
  return { ...fields, model: fields.model };
}

/** Fields of a JSON body, or of a form with files. @throws ProviderError 400. */
export async function fieldsOf(exchange: Exchange, body: Buffer): Promise<Fields> {
  const type = exchange.header('content-type');
  if (!isForm(type)) return parseBody(body);
  const form = await new Response(body, { headers: { 'content-type': type } })
    .formData()
    .catch(() => {
      throw new ProviderError(400, 'We could not parse the form of your request.');
    });
  const { model = '', ...fields } = Object.fromEntries(form);
  if (typeof model !== 'string' || model === '') {
    throw new ProviderError(400, 'you must provide a model parameter', { param: 'model' });
  }
  return { ...fields, model };
}

/**
 * Reads a request for text. The prompt of a large one is measured, not parsed.
 * @throws ProviderError 400 as `parseBody`, or when `promptField` is missing or `n` is invalid.
 */
export function readAsk(body: Buffer, promptField: 'messages' | 'prompt'): Ask {
  const [fields, promptTokens] = readFields(body, promptField);
  const { model, stream, n = 1 } = fields;
  if (typeof n !== 'number' || !Number.isInteger(n) || n < 1 || n > 128) {
    throw new ProviderError(400, 'n must be an integer from 1 to 128', { param: 'n' });
  }
  const maxTokens = fields.max_completion_tokens ?? fields.max_tokens;
  return {
    model,
    stream: stream === true,
    includeUsage: stream === true && includesUsage(fields.stream_options),
    promptTokens,
    choices: n,
    maxTokens: typeof maxTokens === 'number' && maxTokens >= 1 ? Math.floor(maxTokens) : Infinity,
    toolCall: fields.tools === undefined ? null : chooseToolCall(fields),
    structured: structuredIn(fields.response_format),
  };
}

function structuredIn(format: unknown): string | null {
  if (!isObject(format)) return null;
  if (format.type === 'json_object') return structuredText(null);
  if (format.type !== 'json_schema') return null;
  return structuredText(isObject(format.json_schema) ? format.json_schema.schema : null);
}

/** The JSON that a schema allows, the same each time. @param schema null: any object. */
export function structuredText(schema: unknown): string {
  return JSON.stringify(schema ? exampleOf(schema) : { answer: 'text' });
}

/** The rule of thumb for English: four characters are a token. */
export function tokensOf(characters: number): number {
  return Math.ceil(characters / 4);
}

/** Above this many bytes the prompt is not parsed. */
const scanBytes = 8192;

function readFields(
  body: Buffer,
  promptField: string,
): [fields: Record<string, unknown> & { model: string }, promptTokens: number] {
  const scanned = body.length > scanBytes ? scanFields(body) : null;
  const prompt = scanned?.get(promptField);
  // Requests with tools are parsed whole: the last message decides if one is called.
  if (scanned === null || prompt === undefined || scanned.has('tools')) {
    const fields = parseBody(body);
    if (fields[promptField] === undefined) {
      throw new ProviderError(400, `Missing required parameter: '${promptField}'.`, {
        code: 'missing_required_parameter',
        param: promptField,
      });
    }
    return [fields, tokensOf(countCharacters(fields[promptField]))];
  }
  const rest = [...scanned]
    .filter(([name]) => name !== promptField)
    .map(([name, value]) => `${JSON.stringify(name)}:${value}`);
  return [parseBody(Buffer.from(`{${rest.join(',')}}`)), tokensOf(prompt.length)];
}

/** Characters of a prompt: of a text, of each text in a list, of the contents of messages. */
function countCharacters(prompt: unknown): number {
  if (typeof prompt === 'string') {
    return prompt.length;
  }
  if (Array.isArray(prompt)) {
    let sum = 0;
    for (const part of prompt) {
      // A number is one token, as four characters are.
      sum += typeof part === 'number' ? 4 : countCharacters(part);
    }
    return sum;
  }
  if (typeof prompt === 'object' && prompt !== null) {
    return 'content' in prompt
      ? countCharacters(prompt.content)
      : countCharacters('text' in prompt ? prompt.text : null);
  }
  return 0;
}

function includesUsage(options: unknown): boolean {
  return (
    typeof options === 'object' &&
    options !== null &&
    'include_usage' in options &&
    options.include_usage === true
  );
}
