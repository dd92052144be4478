import type {
  ConversationAnswer,
  ConversationDialect,
  ConversationError,
  ConversationRequest,
  Part,
  ProviderDialect,
} from './conversation.js';
import type { SseEvent } from './sse.js';

/**
 * A part of a request that a target cannot express. `dropped`: left out; `approximated`: expressed
 * differently; `rejected`: nothing that could be sent would be right.
 */
export interface Loss {
  kind: 'dropped' | 'approximated' | 'rejected';
  /** The client's own name of the field, as `messages[2]` or `top_k`. */
  field: string;
  reason: string;
}

/** The parts of a request that its path contains. */
export interface RequestPlace {
  /** From the path; empty where the body names the model. */
  model: string;
  /** From the path; null where the body decides. */
  stream: boolean | null;
}

/** A path that contains neither. */
export const noPlace: RequestPlace = { model: '', stream: null };

/** Differences of compatible servers from the dialect that they speak. */
export interface Quirks {
  /** Mistral accepts only tool call ids of nine letters and digits. */
  shortToolIds: boolean;
  /** OpenAI's newer models refuse `max_tokens`; many compatible servers know nothing else. */
  oldMaxTokens: boolean;
  /** Some refuse `stream_options`, without which a stream does not report usage. */
  noStreamOptions: boolean;
}

export const noQuirks: Quirks = {
  shortToolIds: false,
  oldMaxTokens: false,
  noStreamOptions: false,
};

/** The reader of a written request. */
export interface RequestTarget {
  model: string;
  /** The model's maximum output tokens, from the price table; null when unknown. */
  maxOutputTokens: number | null;
  quirks: Quirks;
}

/**
 * A tool that has another name or form at the target than at the client: calls to it are translated
 * back. `format` is the answer itself, in the form of a tool call.
 */
export interface RenamedTool {
  name: string;
  namespace: string | null;
  kind: 'function' | 'custom' | 'format';
}

export interface WrittenRequest {
  body: Buffer;
  losses: Loss[];
  /** By the target's tool name; null when none is renamed. */
  renamed: ReadonlyMap<string, RenamedTool> | null;
}

/** The client's names of the fields of a request that can be lost. */
export type FieldNames = Readonly<
  Record<
    Exclude<keyof ConversationRequest, 'model' | 'stream' | 'streamUsage' | 'messages' | 'unknown'>,
    string | null
  >
>;

/** Reads a streamed answer. Numbers blocks from 0 in the order of their start. */
export interface StreamReader {
  /** @throws WrongField for an event that is not of the dialect. */
  push(event: SseEvent, out: (part: Part) => void): void;
  /** The stream has ended: emits pending parts. An incomplete answer gets no `finish`. */
  end(out: (part: Part) => void): void;
}

/** Writes a streamed answer. */
export interface StreamWriter {
  /** The bytes of this part; null if it needs none, or must wait for others. */
  push(part: Part): string | Buffer | null;
}

/** Writes requests to providers of a dialect, and reads their answers. Pure. */
export interface ProviderCodec {
  readonly dialect: ProviderDialect;
  /** Media that it accepts only as base64, so that URLs must be fetched first. */
  takesUrl(kind: 'image' | 'document' | 'audio' | 'video', url: string): boolean;
  writeRequest(request: ConversationRequest, target: RequestTarget): WrittenRequest;
  /** @throws WrongField where the provider's body is not an answer. */
  readAnswer(body: Buffer): ConversationAnswer;
  streamReader(): StreamReader;
  /** Reads the body of an error; never throws: the status stands in for what it cannot read. */
  readError(body: Buffer, status: number): ConversationError;
}

/** One dialect's way to and from the neutral form. Pure: no clock, no I/O. */
export interface Codec extends ProviderCodec {
  readonly dialect: ConversationDialect;
  readonly fields: FieldNames;
  /** True if a block of a stream must end before the next one starts. */
  readonly oneBlockAtATime: boolean;
  /** @throws WrongField naming the field that cannot be read. */
  readRequest(body: Buffer, place: RequestPlace): ConversationRequest;
  writeAnswer(answer: ConversationAnswer, model: string): string;
  /**
   * @param model the model name that the client used.
   * @param usage whether the client wants usage.
   * @param requestId for the error of a stream that breaks, where the dialect names the request.
   */
  streamWriter(model: string, usage: boolean, requestId?: string): StreamWriter;
  writeError(error: ConversationError): string;
}
