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
 * Something that a target cannot express as the client said it. `dropped`: left out;
 * `approximated`: said in another way; `rejected`: nothing that could be sent would be right.
 */
export interface Loss {
  kind: 'dropped' | 'approximated' | 'rejected';
  /** The client's own name of the field, as `messages[2]` or `top_k`. */
  field: string;
  reason: string;
}

/** The parts of a request that stand in its path. */
export interface RequestPlace {
  /** From the path; empty where the body names the model. */
  model: string;
  /** From the path; null where the body says it. */
  stream: boolean | null;
}

/** The place in a path that names nothing. */
export const noPlace: RequestPlace = { model: '', stream: null };

/** In what compatible servers differ from the dialect that they speak. */
export interface Quirks {
  /** Mistral takes ids of tool calls of nine letters and digits only. */
  shortToolIds: boolean;
  /** OpenAI's newer models refuse `max_tokens`; many compatible servers know no other. */
  oldMaxTokens: boolean;
  /** Some refuse `stream_options`, without which a stream does not tell its usage. */
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
  /** The most tokens that this model writes, from the price table; null when unknown. */
  maxOutputTokens: number | null;
  quirks: Quirks;
}

/**
 * A tool that the target knows by another name or form than the client: what comes back under the
 * name is told to the client as its own. `format` is the answer itself, given as a tool call.
 */
export interface RenamedTool {
  name: string;
  namespace: string | null;
  kind: 'function' | 'custom' | 'format';
}

export interface WrittenRequest {
  body: Buffer;
  losses: Loss[];
  /** By the target's name of the tool; null when none is renamed. */
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
  /** The bytes have ended: tells what still waits. An unfinished answer gets no `finish`. */
  end(out: (part: Part) => void): void;
}

/** Writes a streamed answer. */
export interface StreamWriter {
  /** The bytes of this part; null where it needs none, or waits for others. */
  push(part: Part): string | Buffer | null;
}

/** Writes requests to providers of a dialect, and reads their answers. Pure. */
export interface ProviderCodec {
  readonly dialect: ProviderDialect;
  /** Media that it can only send as base64, so that URLs must be fetched before. */
  takesUrl(kind: 'image' | 'document' | 'audio' | 'video', url: string): boolean;
  writeRequest(request: ConversationRequest, target: RequestTarget): WrittenRequest;
  /** @throws WrongField where the provider's body is not an answer. */
  readAnswer(body: Buffer): ConversationAnswer;
  streamReader(): StreamReader;
  /** Reads the body of an error; never throws: what it cannot read is told by the status. */
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
  /** @param model the name that the client asked for. @param usage whether it wants its usage. */
  streamWriter(model: string, usage: boolean): StreamWriter;
  writeError(error: ConversationError): string;
}
