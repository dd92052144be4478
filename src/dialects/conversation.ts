import type { UsageClasses } from './usage.js';

/**
 * The neutral form of a conversation. Codecs read each dialect into it and write each from it, so
 * that any two dialects can be translated without dedicated code. It consists of ordered blocks: in
 * a form made of fields, the order of thinking, text and tool calls would be lost first.
 *
 * Fields are always present, and `null` where unset, so that all objects have one shape.
 */

export const conversationDialects = [
  'openai.chat',
  'openai.responses',
  'anthropic.messages',
  'gemini.generate',
  'bedrock.converse',
] as const;

export type ConversationDialect = (typeof conversationDialects)[number];

/** Includes dialects that clients cannot use for conversations. */
export type ProviderDialect = ConversationDialect | 'cohere.chat';

export type JsonObject = Record<string, unknown>;

export interface ConversationRequest {
  /** Empty where the dialect names the model in the path. */
  model: string;
  stream: boolean;
  /** True if the stream must end with its usage; only chat makes this optional. */
  streamUsage: boolean;
  /** System messages keep their position. */
  messages: Message[];
  tools: Tool[];
  toolChoice: ToolChoice | null;
  parallelTools: boolean | null;
  maxTokens: number | null;
  temperature: number | null;
  topP: number | null;
  topK: number | null;
  stop: string[];
  seed: number | null;
  presencePenalty: number | null;
  frequencyPenalty: number | null;
  /** Number of alternatives to report for each token; 0 for the chosen token only. */
  logprobs: number | null;
  /** Number of answers wanted. */
  choices: number | null;
  reasoning: Reasoning | null;
  format: Format | null;
  user: string | null;
  /** Fields without a place in the neutral form; their own dialect writes them back. */
  unknown: UnknownField[];
}

export type Role = 'system' | 'user' | 'assistant' | 'tool';

export interface Message {
  role: Role;
  /** A message with the role `tool` holds only tool results, and no other message holds any. */
  content: Block[];
  /** Its place in the client's body, as `messages[3]`. */
  at: string;
}

/** Lifetime of the cached prompt prefix ending here. */
export type CacheMark = '5m' | '1h';

export interface TextBlock {
  type: 'text';
  text: string;
  cache: CacheMark | null;
}

export interface RefusalBlock {
  type: 'refusal';
  text: string;
}

export interface ReasoningBlock {
  type: 'reasoning';
  /** Empty where only the seal arrived. */
  text: string;
  seal: Seal | null;
}

/**
 * Reasoning, signed or encrypted by its provider, which alone can read it. `signature` signs the
 * text of its block; `redacted` and `encrypted` replace hidden text; `thought` signs a thought,
 * `call` the tool call that follows, `text` the text before it.
 */
export interface Seal {
  dialect: ProviderDialect;
  /** Unknown until the translator adds it. */
  provider: string | null;
  slot: 'signature' | 'redacted' | 'encrypted' | 'thought' | 'call' | 'text';
  /** The id of the item, where the dialect gives reasoning one. */
  id: string | null;
  data: string;
}

export interface MediaBlock {
  type: 'media';
  kind: 'image' | 'document' | 'audio' | 'video';
  source: MediaSource;
  /** For example `image/png`; null if only the owner of the URL or file knows. */
  mediaType: string | null;
  name: string | null;
  detail: string | null;
  cache: CacheMark | null;
}

/** `file` names an upload at one provider; `text` is a document in plain text. */
export type MediaSource =
  | { type: 'base64'; data: string }
  | { type: 'url'; url: string }
  | { type: 'file'; id: string }
  | { type: 'text'; text: string };

export interface ToolCallBlock {
  type: 'tool_call';
  id: string;
  name: string;
  /** The namespace of the tool, in dialects that have them. */
  namespace: string | null;
  /** JSON text as the model wrote it, possibly malformed; plain text for a custom tool. */
  input: string;
  custom: boolean;
  cache: CacheMark | null;
}

export interface ToolResultBlock {
  type: 'tool_result';
  id: string;
  /** Null where the dialect gives only the id. */
  name: string | null;
  content: Block[];
  error: boolean;
  cache: CacheMark | null;
}

/** Carried unchanged; only its own dialect can write it. */
export interface UnknownBlock {
  type: 'unknown';
  dialect: ConversationDialect;
  /** Its `type`, or the field that determines its kind. */
  name: string;
  raw: unknown;
}

export type Block =
  | TextBlock
  | RefusalBlock
  | ReasoningBlock
  | MediaBlock
  | ToolCallBlock
  | ToolResultBlock
  | UnknownBlock;

export interface UnknownField {
  dialect: ConversationDialect;
  /** Path in the client's body; only those without a dot can be written back. */
  field: string;
  value: unknown;
  /** True if the request would mean something else without it: other dialects refuse it. */
  essential: boolean;
}

export interface FunctionTool {
  type: 'function';
  name: string;
  namespace: string | null;
  description: string | null;
  /** JSON schema of its arguments. */
  schema: JsonObject | null;
  strict: boolean | null;
  cache: CacheMark | null;
}

/** A tool that takes plain text, optionally by a grammar. */
export interface CustomTool {
  type: 'custom';
  name: string;
  namespace: string | null;
  description: string | null;
  /** `{ syntax, definition }`, or null for any text. */
  grammar: { syntax: string; definition: string } | null;
}

/** A tool run by the provider itself, or of a kind unknown to the neutral form. */
export interface UnknownTool {
  type: 'unknown';
  dialect: ConversationDialect;
  name: string;
  raw: unknown;
}

export type Tool = FunctionTool | CustomTool | UnknownTool;

export type ToolChoice =
  | { type: 'auto' | 'none' | 'required' }
  | { type: 'tool'; name: string }
  /** Only some of the tools. */
  | { type: 'allowed'; mode: 'auto' | 'required'; names: string[] };

export const efforts = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const;
export type Effort = (typeof efforts)[number];

export interface Reasoning {
  effort: Effort | null;
  /** Tokens; -1 where the model decides. */
  budget: number | null;
  /** True if the client wants thoughts or a summary of them. */
  visible: boolean | null;
}

export type Format =
  | { type: 'json' }
  | {
      type: 'schema';
      name: string | null;
      description: string | null;
      schema: JsonObject;
      strict: boolean | null;
    };

export interface ConversationAnswer {
  id: string | null;
  model: string | null;
  content: Block[];
  finish: Finish;
  usage: Usage | null;
  /** An answer that reports its own failure; never to be relayed as a success. */
  error: ConversationError | null;
}

export const finishReasons = [
  'stop',
  'length',
  'tool_calls',
  'content_filter',
  'refusal',
  'pause',
  'error',
  'other',
] as const;
export type FinishReason = (typeof finishReasons)[number];

export interface Finish {
  reason: FinishReason;
  /** The provider's own word. */
  raw: string | null;
  /** The stop sequence that was met. */
  sequence: string | null;
  /** Explanation in words, if the provider gives one besides the reason. */
  detail: string | null;
}

export type Usage = UsageClasses;

export const errorKinds = [
  'invalid_request',
  'authentication',
  'billing',
  'permission',
  'not_found',
  'conflict',
  'too_large',
  'rate_limit',
  'internal',
  'timeout',
  'overloaded',
] as const;
export type ErrorKind = (typeof errorKinds)[number];

export interface ConversationError {
  kind: ErrorKind;
  /** HTTP status; for an error within a stream, the equivalent one. */
  status: number;
  message: string;
  /** The provider's own code or type. */
  code: string | null;
  param: string | null;
  /** Seconds, if given in the body; a header may be more precise. */
  retryAfter: number | null;
}

/**
 * One step of a streamed answer. Blocks are numbered by the reader; a block is opened, grows by
 * deltas, and is closed. Blocks may overlap; a writer that cannot interleave them gets them one
 * after the other.
 */
export type Part =
  | { type: 'start'; id: string | null; model: string | null }
  | { type: 'open'; block: number; content: OpenBlock }
  | { type: 'delta'; block: number; text: string }
  | { type: 'seal'; block: number; seal: Seal }
  | { type: 'close'; block: number }
  | { type: 'finish'; finish: Finish; usage: Usage | null }
  | { type: 'error'; error: ConversationError }
  | { type: 'ping' };

/**
 * A block without the content of its deltas: text and input are empty. Unknown blocks arrive whole.
 */
export type OpenBlock = TextBlock | RefusalBlock | ReasoningBlock | ToolCallBlock | UnknownBlock;

/** A request with nothing set. */
export function emptyRequest(model: string, stream: boolean): ConversationRequest {
  return {
    model,
    stream,
    streamUsage: true,
    messages: [],
    tools: [],
    toolChoice: null,
    parallelTools: null,
    maxTokens: null,
    temperature: null,
    topP: null,
    topK: null,
    stop: [],
    seed: null,
    presencePenalty: null,
    frequencyPenalty: null,
    logprobs: null,
    choices: null,
    reasoning: null,
    format: null,
    user: null,
    unknown: [],
  };
}

export function textBlock(text: string, cache: CacheMark | null = null): TextBlock {
  return { type: 'text', text, cache };
}

/** The content as one string; null unless it is only text. */
export function onlyText(content: readonly Block[]): string | null {
  let text = '';
  for (const block of content) {
    if (block.type !== 'text') return null;
    text += block.text;
  }
  return text;
}
