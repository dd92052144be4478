import {
  asList,
  asObject,
  isObject,
  mapPresent,
  needText,
  objectAt,
  parseBody,
  textAt,
  WrongField,
} from '../conversation/read.js';
import { conformingId, mintedId, responsesToolIds, secondsNow } from '../conversation/tool-ids.js';
import type {
  Block,
  ConversationAnswer,
  ConversationError,
  ErrorKind,
  Finish,
  FinishReason,
  JsonObject,
  Usage,
} from '../conversation.js';
import { failedAnswer } from '../errors/conversation-error.js';
import { missingRefusal } from './chat-answer.js';
import { readResponseUsage } from './response-calls.js';
import { readOutputItem } from './responses-items.js';
import { toError } from './shared.js';
import { writtenUsage } from './usage-classes.js';

const dialect = 'openai.responses';

/** `incomplete_details.reason`. */
const incomplete = new Map<string, FinishReason>(
  Object.entries({
    max_output_tokens: 'length',
    content_filter: 'content_filter',
    pause_turn: 'pause',
  }),
);

const incompleteWords: Readonly<Partial<Record<FinishReason, string>>> = {
  length: 'max_output_tokens',
  content_filter: 'content_filter',
  pause: 'pause_turn',
};

/** @param content of the answer, which alone shows calls and refusals. */
export function responsesFinish(response: JsonObject, content: Iterable<string>): Finish {
  const status = textAt(response, 'status', '') ?? 'completed';
  const details = objectAt(response, 'incomplete_details', '');
  const raw = (details && textAt(details, 'reason', 'incomplete_details')) ?? status;
  return { reason: reasonOf(status, raw, new Set(content)), raw, sequence: null, detail: null };
}

function reasonOf(status: string, raw: string, content: ReadonlySet<string>): FinishReason {
  if (status === 'incomplete') return incomplete.get(raw) ?? 'other';
  if (status === 'failed' || status === 'cancelled') return 'error';
  if (status !== 'completed') return 'other';
  if (content.has('refusal')) return 'refusal';
  return content.has('tool_call') ? 'tool_calls' : 'stop';
}

/** The error of a failed response; null for others. */
export function responseError(response: JsonObject, finish: Finish): ConversationError | null {
  if (finish.reason !== 'error') return null;
  return isObject(response.error) ? toError(response.error, 0) : failedAnswer(finish.raw);
}

/** @throws WrongField */
export function readResponsesAnswer(bytes: Buffer): ConversationAnswer {
  const body = parseBody(bytes);
  if (isObject(body.error) && body.output === undefined) body.status = 'failed';
  else if (!Array.isArray(body.output)) throw new WrongField('output', 'must be an array');
  const items = asList(body.output ?? [], 'output');
  const content = items.flatMap((value, i) => {
    const at = `output[${i}]`;
    const item = asObject(value, at);
    return readOutputItem(item, needText(item, 'type', at), at);
  });
  const finish = responsesFinish(
    body,
    content.map(({ type }) => type),
  );
  return {
    id: textAt(body, 'id', ''),
    model: textAt(body, 'model', ''),
    content,
    finish,
    usage: readResponseUsage(body),
    error: responseError(body, finish),
  };
}

export function writeResponsesAnswer(answer: ConversationAnswer, model: string): string {
  const content = withRefusal(answer);
  const output = mapPresent(content, writeOutputItem);
  const id = answer.id ?? mintedId('resp_');
  return JSON.stringify(writeResponse(id, model, output, answer.finish, answer.usage));
}

function withRefusal({ content, finish }: ConversationAnswer): readonly Block[] {
  const text = missingRefusal(finish, content);
  return text === null ? content : [...content, { type: 'refusal', text }];
}

/** A whole response. @param finish null while it is in progress. */
export function writeResponse(
  id: string,
  model: string,
  output: readonly JsonObject[],
  finish: Finish | null,
  usage: Usage | null,
): JsonObject {
  const reason = finish && incompleteReason(finish);
  return {
    id,
    object: 'response',
    created_at: secondsNow(),
    status: !finish ? 'in_progress' : reason ? 'incomplete' : 'completed',
    background: false,
    error: null,
    incomplete_details: reason ? { reason } : null,
    instructions: null,
    max_output_tokens: null,
    metadata: {},
    model,
    output,
    parallel_tool_calls: true,
    previous_response_id: null,
    reasoning: { effort: null, summary: null },
    store: false,
    temperature: null,
    text: { format: { type: 'text' } },
    tool_choice: 'auto',
    tools: [],
    top_p: null,
    truncation: 'disabled',
    usage: usage ? writeResponsesUsage(usage) : null,
    user: null,
  };
}

/** Null for a complete answer. */
function incompleteReason(finish: Finish): string | null {
  if (finish.reason === 'other') return finish.raw ?? 'other';
  return incompleteWords[finish.reason] ?? null;
}

/** A block as a separate item; null for one without a form here. */
export function writeOutputItem(block: Block): JsonObject | null {
  switch (block.type) {
    case 'text':
    case 'refusal':
      return {
        id: mintedId('msg_'),
        type: 'message',
        status: 'completed',
        role: 'assistant',
        content: [writeTextPart(block.type, block.text)],
      };
    case 'tool_call': {
      const item: JsonObject = {
        id: mintedId(block.custom ? 'ctc_' : 'fc_'),
        type: block.custom ? 'custom_tool_call' : 'function_call',
        status: 'completed',
        call_id: conformingId(block.id, responsesToolIds),
        name: block.name,
        [block.custom ? 'input' : 'arguments']: block.input,
      };
      if (block.namespace !== null) item.namespace = block.namespace;
      return item;
    }
    case 'reasoning': {
      const summary = block.text === '' ? [] : [{ type: 'summary_text', text: block.text }];
      const item: JsonObject = {
        id: block.seal?.id ?? mintedId('rs_'),
        type: 'reasoning',
        summary,
      };
      if (block.seal) item.encrypted_content = block.seal.data;
      return item;
    }
    case 'unknown':
      return block.dialect === dialect ? (block.raw as JsonObject) : null;
    default:
      return null;
  }
}

export function writeTextPart(type: 'text' | 'refusal', text: string): JsonObject {
  return type === 'text'
    ? { type: 'output_text', text, annotations: [], logprobs: [] }
    : { type: 'refusal', refusal: text };
}

function writeResponsesUsage(usage: Usage): JsonObject {
  const { input, inputDetails, output, outputDetails } = writtenUsage(usage);
  return {
    input_tokens: input,
    input_tokens_details: inputDetails,
    output_tokens: output,
    output_tokens_details: outputDetails,
    total_tokens: input + output,
  };
}

const codes: Readonly<Partial<Record<ErrorKind, string>>> = {
  rate_limit: 'rate_limit_exceeded',
  billing: 'insufficient_quota',
  invalid_request: 'invalid_prompt',
  too_large: 'invalid_prompt',
  overloaded: 'server_is_overloaded',
};

/** The code of a failed response; clients decide by it whether to retry. */
export function responsesErrorCode(error: ConversationError): string {
  return codes[error.kind] ?? 'server_error';
}
